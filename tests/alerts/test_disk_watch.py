"""An alert opens before a disk is full, and ends when there is room again."""

from pathlib import Path

import pytest

from runlore.alerts.actions import disk_watch
from runlore.alerts.actions.disk_watch import DiskWatch
from runlore.alerts.queries import anomalies
from runlore.alerts.rules.disk_space import KIND, MB, DiskLimits, DiskSpace, judge
from runlore.settings import Settings
from runlore.stack.doctor import DoctorVerdict, machine
from runlore.store.engine import Store


def space(free_mb: int, total_mb: int = 100_000) -> DiskSpace:
    return DiskSpace("home", "/data", free_mb * MB, total_mb * MB)


def severities(store: Store) -> list[str]:
    with store.begin() as connection:
        return [alert.severity for alert in anomalies.read_open(connection, KIND)]


@pytest.mark.parametrize(
    ("free_mb", "severity"), [(999, "critical"), (1_000, "warning"), (4_999, "warning")]
)
def test_little_room_is_a_warning_and_less_is_critical(free_mb: int, severity: str) -> None:
    finding = judge(space(free_mb), DiskLimits())
    assert finding is not None
    assert finding.severity == severity
    assert "RUNLORE_DISK_FREE" in finding.advice


def test_enough_room_is_no_finding_and_neither_is_any_without_limits() -> None:
    assert judge(space(5_000), DiskLimits()) is None
    assert judge(space(0), DiskLimits(free_mb=0, free_percent=0)) is None


def test_the_alert_opens_gets_worse_and_ends(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for free_mb, expected in ((4_000, ["warning"]), (10, ["critical"]), (90_000, [])):
        monkeypatch.setattr(disk_watch, "look", lambda _, free_mb=free_mb: [space(free_mb)])
        DiskWatch(Settings(home=tmp_path), store).check()
        assert severities(store) == expected


def test_the_disk_is_looked_at_only_so_often(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Settings] = []
    monkeypatch.setattr(disk_watch, "look", lambda settings: looks.append(settings) or [])
    watch = DiskWatch(Settings(home=tmp_path), store)
    watch.check()
    watch.check()
    assert len(looks) == 1


def test_a_home_that_does_not_exist_yet_is_on_its_parents_disk(tmp_path: Path) -> None:
    [home] = disk_watch.look(Settings(home=tmp_path / "a" / "b", database_url=None))
    assert (home.name, home.place) == ("home", str(tmp_path / "a" / "b"))
    assert 0 < home.free_bytes <= home.total_bytes


def test_a_database_on_the_disk_of_the_home_is_not_a_second_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    monkeypatch.setattr(disk_watch.embedded, "exists", lambda _: True)
    names = [one.name for one in disk_watch.look(Settings(home=tmp_path, database_url=None))]
    assert names == ["home"]


def test_doctor_judges_by_the_same_limits(tmp_path: Path) -> None:
    never = Settings(home=tmp_path, disk_free_mb=0, disk_free_percent=0)
    assert list(machine.disks(never)) == []
    [finding] = machine.disks(never.model_copy(update={"disk_free_percent": 100.0}))
    assert finding.verdict is DoctorVerdict.WRONG
    assert finding.remedy
