"""Nothing that a training writes holds free text of the log."""

import logging
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from runlore.features import matrix
from runlore.features.keys import KeyParts
from runlore.features.log import prepare
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.kernel.instants import now
from runlore.log.executions import read_facts
from runlore.models.bundle import Bundle
from runlore.records.mapping import declare
from runlore.registry import Registry, connect
from runlore.settings import Settings
from runlore.specs.catalog import failure_risk
from runlore.specs.model_spec import Gate
from runlore.store.engine import Store
from runlore.training.actions.extraction import extract
from runlore.training.actions.training import TrainOutcome, train_spec
from runlore.training.rules import text_choice
from tests.training import leaky

pytestmark = pytest.mark.slow

SECRET = "the vault opens with hunter2 after midnight"
TOKEN = "hunter2"
SPEC = f"text-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def log(store: Store, tmp_path: Path) -> Store:
    """A log with a secret in an input, now and then in a category, and in an outcome."""
    w = leaky.work(2200, 2)
    mood = np.random.default_rng(6).random(w.n) < np.where(w.failed == 1, 0.85, 0.1)
    begins, ends = leaky.iso(w.submitted_us), leaky.iso(w.finished_us)
    lines = ["id,actor,kind,submitted,started,finished,status,size,note,queue,message"]
    for i in range(w.n):
        status = "failed" if w.failed[i] else "succeeded"
        note = f"{SECRET} {i} {'nervous' if mood[i] else 'calm'}"
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
        name=SPEC,
        candidates=("baseline", "linear"),
        gates=(Gate("auc", "bound", 0.4),),
    )
    return train_spec(log, registry, spec)


def test_no_file_of_a_version_and_no_line_of_a_log_holds_free_text(
    trained: TrainOutcome, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert trained.version is not None
    assert trained.inputs.texts == trained.inputs.hashed == ("note",)
    files = [path for path in home.rglob("*") if path.is_file()]
    assert {"bundle.json", "contract.json", "model_card.md"} <= {path.name for path in files}
    assert [path.name for path in files if TOKEN.encode() in path.read_bytes()] == []
    assert TOKEN not in caplog.text
    assert TOKEN not in str(trained.as_json())


@pytest.mark.parametrize("is_help", [True, False])
def test_a_plan_reads_a_text_only_where_that_helps(
    log: Store, monkeypatch: pytest.MonkeyPatch, *, is_help: bool
) -> None:
    monkeypatch.setattr(text_choice, "helps", lambda *_: is_help)
    extracted = extract(log, replace(failure_risk.SPEC, name=SPEC))
    assert bool(extracted.plan.texts) == is_help


def test_what_answers_reads_the_same_numbers_from_a_text_as_training(
    trained: TrainOutcome, log: Store, home: Path
) -> None:
    (folder,) = {path.parent for path in home.rglob("bundle.json") if SPEC in path.read_text()}
    served = Bundle.load(folder)
    logged = prepare(read_facts(log))
    rows, _ = matrix.extract(logged, served.plan)
    reader = matrix.RowReader(served.plan)
    at = [served.plan.names.index(name) for name in served.plan.texts[0].columns]
    for i in range(0, 1500, 150):
        inputs = {str(k): v for k, v in logged.inputs.iloc[i].items()}
        row = reader.row(KeyParts("", "", "", inputs), 0, {})
        assert row[at].tobytes() == rows[i, at].tobytes()
    assert rows[:, at].any()
