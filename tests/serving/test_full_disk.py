"""A database without room: what was committed is said, and what was left behind is renewed."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from bentos.predict.left_behind import LeftBehind
from runlore.alerts.actions import disk_watch
from runlore.features.declaration import FeaturePlan, HistoryFeatures
from runlore.ingest.actions.files import Interrupted, StatesBehind
from runlore.kernel.errors import CannotWrite
from runlore.reports.queries.figures import figures
from runlore.serving.actions import states
from runlore.settings import Settings
from runlore.specs.catalog import failure_risk
from runlore.stack.status import _by_spec
from runlore.store import advisory
from runlore.store.engine import Store, open_store
from tests.ingest.csv_log import HEADER, Log, counts, row

BY_ACTOR = HistoryFeatures(("actor",), ("failed",), (3600.0,))
PLAN = FeaturePlan(inputs=(), categories=(), histories=(BY_ACTOR,), has_calendar=False)


@contextmanager
def full(store: Store, table: str, after_rows: int = 0) -> Iterator[None]:
    """PostgreSQL itself says disk_full (53100) when a statement inserts into a table.

    after_rows: only once the table holds so many.
    """
    with store.begin() as connection:
        connection.execute(
            text(f"""
            CREATE FUNCTION runlore.no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF (SELECT count(*) FROM runlore.{table}) >= {after_rows} THEN
            RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
            END IF; RETURN NULL; END $$;
            CREATE TRIGGER no_room BEFORE INSERT ON runlore.{table}
            FOR EACH STATEMENT EXECUTE FUNCTION runlore.no_room()
            """)
        )
    try:
        yield
    finally:
        with store.begin() as connection:
            connection.execute(text("DROP FUNCTION runlore.no_room CASCADE"))


@pytest.mark.parametrize("kind", [psycopg.errors.DiskFull, psycopg.errors.IoError])
def test_a_server_without_room_is_a_dependency_that_cannot_write(
    store: Store, kind: type[psycopg.Error]
) -> None:
    said = "No space left on device. Nothing of this was written"
    with pytest.raises(CannotWrite, match=said), store.connect():
        raise kind("No space left on device\nHINT:  Check free disk space.")


def test_facts_that_are_committed_are_said_to_be_when_their_states_are_behind(
    store: Store, tmp_path: Path
) -> None:
    states.activate(store, PLAN)
    log = Log(store, tmp_path / "log.csv", [HEADER, *map(row, range(50))])
    with full(store, "feature_states"):
        with pytest.raises(StatesBehind, match=r"all facts are committed \(50 are new\)") as behind:
            log.ingest()
        assert behind.value.summary.new == 50
        assert figures(store).rows["executions"] == 50
        assert figures(store).stale == {BY_ACTOR.digest: 50}
        with pytest.raises(StatesBehind, match="0 are new"):
            log.ingest()
    assert counts(log.ingest()) == (0, 50, 0)
    assert figures(store).stale == {}


def test_an_ingest_that_is_interrupted_says_how_far_it_came_and_goes_on_there(
    store: Store, tmp_path: Path
) -> None:
    log = Log(store, tmp_path / "log.csv", [HEADER, *map(row, range(300))])
    with full(store, "executions", after_rows=1):
        with pytest.raises(Interrupted, match=r"new facts\); the same command goes on") as stopped:
            log.ingest(chunk_bytes=4_000)
        committed = figures(store).rows["executions"]
        assert 0 < committed < 300
        assert f"when {committed} rows of this run were committed" in str(stopped.value)
    log.ingest()
    assert figures(store).rows["executions"] == 300


def test_the_service_renews_what_was_left_behind_but_not_under_an_ingest(
    store: Store, tmp_path: Path
) -> None:
    states.activate(store, PLAN)
    log = Log(store, tmp_path / "log.csv", [HEADER, *map(row, range(50))])
    with full(store, "feature_states"), pytest.raises(StatesBehind):
        log.ingest()
    with advisory.shared(store.url, states.INGESTING):
        LeftBehind().renew(store)
        assert figures(store).stale
    LeftBehind().renew(store)
    assert figures(store).stale == {}
    assert states.renew_left_behind(store) == ()


def test_a_renewal_that_fails_is_not_tried_again_at_once(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    states.activate(store, PLAN)
    log = Log(store, tmp_path / "log.csv", [HEADER, *map(row, range(50))])
    keeper = LeftBehind()
    with full(store, "feature_states"):
        with pytest.raises(StatesBehind):
            log.ingest()
        for _ in range(3):
            keeper.renew(store)
    assert caplog.text.count("the states of features are behind") == 1


@pytest.fixture
def small_disk(short_tmp: Path) -> Iterator[Path]:
    """A file system of 150 MB."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=150m", "tmpfs", str(short_tmp)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    short_tmp.chmod(0o755)
    yield short_tmp
    subprocess.run(["umount", "--lazy", str(short_tmp)], check=True)


@pytest.mark.slow
def test_a_disk_that_is_really_full_refuses_and_takes_again_when_there_is_room(
    small_disk: Path,
) -> None:
    settings = Settings(home=small_disk / "home", database_url=None)
    filler = small_disk / "filler"
    with open_store(settings) as store:
        with store.begin() as connection:
            connection.execute(text("CREATE TABLE public.some (words text)"))
        fill(filler)
        with pytest.raises(CannotWrite, match="No space left on device"):
            add_rows(store, 200_000)
        [space] = disk_watch.look(settings)
        assert space.free_bytes < 1_000_000
        filler.unlink()
        add_rows(store, 1_000)
        with store.begin() as connection:
            assert connection.scalar(text("SELECT count(*) FROM public.some")) == 1_000


def fill(filler: Path) -> None:
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(100_000))


def add_rows(store: Store, rows: int) -> None:
    many = text("INSERT INTO public.some SELECT repeat('a', 100) FROM generate_series(1, :rows)")
    with store.begin() as connection:
        connection.execute(many, {"rows": rows})


def test_specs_are_named_whose_states_are_behind() -> None:
    history = failure_risk.SPEC.features.histories[0]
    behind = _by_spec(Settings(), {history.digest: 12, "another": 90})
    assert behind["failure-risk"] == 12
    assert _by_spec(Settings(), {}) == {}
