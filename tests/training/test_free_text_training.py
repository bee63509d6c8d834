"""Nothing that a training writes holds free text of the log."""

import logging
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.kernel.instants import now
from runlore.records.mapping import declare
from runlore.registry import Registry, connect
from runlore.settings import Settings
from runlore.specs.catalog import failure_risk
from runlore.specs.model_spec import Gate
from runlore.store.engine import Store
from runlore.training.actions.training import TrainOutcome, train_spec
from tests.training import leaky

pytestmark = pytest.mark.slow

SECRET = "the vault opens with hunter2 after midnight"
TOKEN = "hunter2"


@pytest.fixture
def log(store: Store, tmp_path: Path) -> Store:
    """A log with a secret in an input, now and then in a category, and in an outcome."""
    w = leaky.work(900, 2)
    begins, ends = leaky.iso(w.submitted_us), leaky.iso(w.finished_us)
    lines = ["id,actor,kind,submitted,started,finished,status,size,note,queue,message"]
    for i in range(w.n):
        status = "failed" if w.failed[i] else "succeeded"
        note = f"{SECRET} {i}" if i % 3 else f"{SECRET}"
        queue = SECRET if i % 100 == 7 else ("short", "long")[i % 2]
        lines.append(
            f"{i},{w.actor[i]},{w.kind[i]},{begins[i]},{begins[i]},{ends[i]},{status},"
            f"{w.size[i]:.3f},{note},{queue},ended {status} {SECRET} {i}"
        )
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    mapping = declare({"inputs": ["size", "note", "queue"], "outcome": ["message"]})
    ingest_file(store, FileSource(path, "csv", "texts", mapping), now())
    return store


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        yield Path(folder)


@pytest.fixture
def trained(log: Store, database: Store, home: Path) -> TrainOutcome:
    registry: Registry = connect(Settings(home=home, mlflow_tracking_uri=None), database)
    spec = replace(
        failure_risk.SPEC,
        name=f"text-{uuid.uuid4().hex[:10]}",
        candidates=("baseline", "linear"),
        gates=(Gate("auc", "bound", 0.4),),
    )
    return train_spec(log, registry, spec)


def test_no_file_of_a_version_and_no_line_of_a_log_holds_free_text(
    trained: TrainOutcome, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert trained.version is not None
    assert trained.inputs.texts == ("note",)
    files = [path for path in home.rglob("*") if path.is_file()]
    assert {"bundle.json", "contract.json", "model_card.md"} <= {path.name for path in files}
    assert [path.name for path in files if TOKEN.encode() in path.read_bytes()] == []
    assert TOKEN not in caplog.text
    assert TOKEN not in str(trained.as_json())
