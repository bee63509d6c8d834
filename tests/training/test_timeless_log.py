"""A log without times, and one from before 1970: from the file to a version that answers."""

import importlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from runlore.cli import app
from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import BadInput, Refused
from runlore.kernel.instants import now, to_us
from runlore.log import time_slices
from runlore.log.reader import read_log
from runlore.records.mapping import declare
from runlore.records.validate import EARLIEST_US
from runlore.registry import Registry, connect
from runlore.settings import Settings
from runlore.specs.model_spec import Quantity, Split
from runlore.store.engine import Store
from runlore.training.actions.extraction import extract
from runlore.training.actions.training import train_spec
from runlore.training.rules.split import divide
from tests.training.test_cross_validation import EFFORT

ROOT = Path(__file__).parents[2]
TIMELESS = {"no_times": True, "inputs": ["size", "language"], "outcome": ["effort"]}
SMALL = replace(EFFORT, name="timeless-effort", candidates=("baseline", "linear"))


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="rl-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def registry(database: Store, home: Path) -> Registry:
    return connect(Settings(home=home, mlflow_tracking_uri=None), database)


def ingest(store: Store, path: Path, lines: list[str], mapping: dict[str, object]):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return ingest_file(store, FileSource(path, "csv", path.stem, declare(mapping)), now())


def projects(rows: int = 42) -> list[str]:
    rng = np.random.default_rng(3)
    size = rng.uniform(1, 5, rows)
    effort = np.expm1(size + rng.normal(0, 0.3, rows))
    words = rng.choice(["c", "cobol"], rows)
    return ["project,size,language,effort"] + [
        f"{at},{size[at]:.3f},{words[at]},{effort[at]:.1f}" for at in range(rows)
    ]


def test_a_log_without_times_is_ingested_once_and_trained(store, registry, home, tmp_path):
    mapping = TIMELESS | {"columns": {"id": "project"}}
    for expected in (42, 0):
        assert ingest(store, tmp_path / "effort.csv", projects(), mapping).new == expected
    outcome = train_spec(store, registry, SMALL)
    assert outcome.passed, outcome.reasons
    assert (outcome.rows, outcome.alias) == (42, "champion")
    bundle = registry.load(registry.champion(SMALL.name))
    assert bundle.plan.names == ("inputs.size", "inputs.language")
    answers = bundle.predict(np.array([[2.0, 0.0], [4.5, 1.0]], dtype=np.float32))
    assert answers.prediction[0] < answers.prediction[1]
    (card,) = [path.read_text(encoding="utf-8") for path in home.rglob("model_card.md")]
    assert "42 executions without times" in card
    assert "1700" not in card


def test_nothing_claims_an_order_that_a_log_does_not_have(store, tmp_path):
    ingest(store, tmp_path / "effort.csv", projects(), TIMELESS)
    log = read_log(store)
    assert set(log.as_of_us) == {EARLIEST_US}
    history = HistoryFeatures(("kind",), ("outcome.effort",), (DAY_S,))
    remembering = replace(SMALL, features=FeatureSet((history,), has_calendar=False))
    with pytest.raises(Refused, match="declare no histories"):
        extract(store, remembering)
    by_time = replace(SMALL, split=Split(least_rows=20))
    with pytest.raises(Refused, match="none came before another"):
        extract(store, by_time)


def test_a_log_without_times_maps_none():
    with pytest.raises(BadInput, match="submitted is mapped as well"):
        declare({"no_times": True, "columns": {"submitted": "at"}})
    with pytest.raises(BadInput, match="metric points need their times"):
        declare({"no_times": True, "records": "metrics"})


def test_dates_before_1970_are_dates(store, tmp_path):
    lines = [
        "id,actor,kind,submitted,started,finished,status",
        "1,ann,survey,1931-12-31T23:00:00Z,1931-12-31T23:10:00Z,1932-01-01T01:10:00Z,done",
        "2,ann,survey,1932-01-02T00:00:00Z,1932-01-02T00:00:00Z,1932-01-02T01:00:00Z,failed",
        "3,ann,survey,1969-12-31T23:59:59Z,1969-12-31T23:59:59Z,1970-01-01T00:00:01Z,done",
        "4,ann,survey,1970-01-05T00:00:00Z,1970-01-05T00:00:00Z,1970-01-05T00:00:30Z,done",
    ]
    assert ingest(store, tmp_path / "old.csv", lines, {}).new == 4
    facts = read_log(store).facts
    assert facts["submitted"][0] == to_us(datetime(1931, 12, 31, 23, tzinfo=UTC))
    history = HistoryFeatures(("actor",), ("duration_s",), (DAY_S,))
    features = FeatureSet((history,))
    spec = replace(
        SMALL,
        question=replace(SMALL.question, of="duration_s"),
        features=features,
        baseline="actor.duration_s_last",
    )
    data = extract(store, spec).data
    assert data.target.tolist() == [7200, 3600, 2, 30]
    assert data.column("hour").tolist() == pytest.approx([23, 0, 86399 / 3600, 0])
    assert data.column("weekday").tolist() == [3, 5, 2, 0]  # Thursday, Saturday, Wednesday, Monday
    last = data.column("actor.duration_s_last")
    assert np.isnan(last[0])
    assert last[1:].tolist() == [7200, 3600, 2]


def test_the_documented_spec_of_few_rows_learns_from_the_documented_ingest(
    store, tmp_path, monkeypatch
):
    text = (ROOT / "docs" / "custom-specs.md").read_text(encoding="utf-8")
    [module] = re.findall(r"```python\n(# effort_spec\.py\n.*?)```", text, re.DOTALL)
    (tmp_path / "effort_spec.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    spec = importlib.import_module("effort_spec").EFFORT
    mapping = TIMELESS | {"columns": {"id": "project"}, "outcome": {"effort_h": "effort"}}
    ingest(store, tmp_path / "projects.csv", projects(20), mapping)
    data = extract(store, spec).data
    assert len(data) == 20
    assert len(divide(spec, data).rounds) == 50


def test_a_log_without_times_has_no_last_window(store, tmp_path):
    ingest(store, tmp_path / "effort.csv", projects(), TIMELESS)
    at = datetime(2026, 11, 1, tzinfo=UTC)
    window, note = time_slices.newest(store, SMALL, at, 7 * DAY_S)
    assert note == "The log says no times: it has no last window."
    assert window.end == at


def test_no_times_can_be_said_on_the_command_line(tmp_path):
    path = tmp_path / "effort.csv"
    path.write_text("\n".join(projects()) + "\n", encoding="utf-8")
    said = ["ingest", "csv", str(path), "--no-times", "--outcome", "effort", "--dry-run", "--json"]
    done = CliRunner().invoke(app, said)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["accepted"] == 42


def test_text_alone_is_learned_from(store, tmp_path):
    rng = np.random.default_rng(0)
    words = rng.choice(["small change of a label", "rewrite the whole storage engine"], 60)
    lines = ["id,submitted,title,points"] + [
        f"{n},2026-01-{1 + n // 24:02}T{n % 24:02}:00:00Z,{words[n]} number {n},{len(words[n])}"
        for n in range(60)
    ]
    mapping = {"columns": {"finished": "submitted"}, "inputs": ["title"], "outcome": ["points"]}
    ingest(store, tmp_path / "issues.csv", lines, mapping)
    spec = replace(SMALL, question=Quantity("outcome.points", "points"), split=Split(least_rows=40))
    extracted = extract(store, spec)
    assert {name.split("#")[0] for name in extracted.plan.names} == {"inputs.title"}
    nothing = replace(spec, features=replace(spec.features, categories=()))
    with pytest.raises(Refused, match="there is nothing to learn from"):
        extract(store, nothing)
