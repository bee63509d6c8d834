import os
from dataclasses import replace
from pathlib import Path

import pytest

from runlore.kernel.errors import Unavailable
from runlore.stack import claims, processes
from runlore.stack.claims import ServiceClaim
from runlore.stack.processes import Identity, RunningService, identity


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def started(home: Path, supervisor: Identity | None = None) -> RunningService:
    gone = replace(identity(os.getpid()), started="1")
    since, log = "2026-01-01T00:00:00+00:00", "prefect.log"
    supervisor = supervisor or identity(os.getpid())
    running = RunningService("prefect", gone, supervisor, since, "http://x", 4242, log, False)
    processes.write(home, running)
    return running


def settled(home: Path, *, exclusive: bool = False) -> ServiceClaim:
    claim = ServiceClaim(home, "prefect")
    try:
        claim.settle(exclusive=exclusive)
    except Unavailable:
        claim.release()
        raise
    return claim


def test_the_first_owns_and_the_next_is_a_guest_of_the_first(home: Path) -> None:
    owner = settled(home)
    running = started(home)
    guest = settled(home)
    assert owner.host is None
    assert guest.host == running
    guest.release()
    owner.release()


def test_an_owner_is_closed_to_users_only_when_the_last_guest_has_gone(home: Path) -> None:
    owner = settled(home)
    started(home)
    first, second = settled(home), settled(home)
    assert not owner.close_to_users()
    first.release()
    assert not owner.close_to_users()
    second.release()
    assert owner.close_to_users()
    owner.release()


def test_whoever_wants_it_alone_is_told_who_has_it(home: Path) -> None:
    owner = settled(home)
    started(home)
    with pytest.raises(Unavailable, match=f"process {os.getpid()}, since 2026-01-01T00:00"):
        settled(home, exclusive=True)
    owner.release()


def test_after_a_release_the_next_is_the_owner(home: Path) -> None:
    owner = settled(home)
    started(home)
    owner.forget()
    owner.release()
    claim = settled(home, exclusive=True)
    assert claim.host is None
    claim.release()


def test_nobody_is_a_guest_of_a_dead_owner(home: Path) -> None:
    """Its locks went with it; its record did not."""
    gone = replace(identity(os.getpid()), started="1")
    (home / "run").mkdir()
    started(home, supervisor=gone)
    claim = settled(home)
    assert claim.host is None
    assert processes.read(home, "prefect") is None
    claim.release()


def test_waiting_for_an_owner_that_does_not_come_up_ends(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "PATIENCE_S", 0.2)
    owner = settled(home)
    with pytest.raises(Unavailable, match="prefect: another Runlore process has been starting"):
        settled(home)
    owner.release()
