"""A training leaves leaks out, says so, and lets a person decide otherwise."""

import json
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.kernel.errors import BadInput, LeakRefused, Refused
from runlore.kernel.instants import now
from runlore.records.mapping import declare
from runlore.registry import Registry, connect
from runlore.settings import Settings
from runlore.specs.model_spec import LeakPolicy, ModelSpec
from runlore.store.engine import Store
from runlore.training.actions import leak_check
from runlore.training.actions.extraction import extract
from runlore.training.actions.training import train_spec
from runlore.training.rules.leaks.leak import LeakKind
from tests.flows import quick_specs
from tests.training import leaky

pytestmark = pytest.mark.slow

WHY = "it is set by the scheduler before the start"


def write_log(folder: Path, rows: int = 1500) -> Path:
    """A log of which two inputs give the outcome away, one of them only by being there."""
    w = leaky.work(rows, 1)
    ends, lines = leaky.iso(w.finished_us), ["id,actor,kind,submitted,started,finished,status,"]
    lines[0] += "size,verdict_code,dump"
    begins = leaky.iso(w.submitted_us)
    dump = np.where((w.failed == 1) & (leaky.noise(w) < 0.5), "12", "")
    for i in range(w.n):
        status = "failed" if w.failed[i] else "succeeded"
        lines.append(
            f"{i},{w.actor[i]},{w.kind[i]},{begins[i]},{begins[i]},{ends[i]},{status},"
            f"{w.size[i]:.3f},{int(w.failed[i]) * 9},{dump[i]}"
        )
    path = folder / "log.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def log(store: Store, tmp_path: Path) -> Store:
    source = FileSource(
        write_log(tmp_path),
        "csv",
        "leaky",
        declare({"inputs": {n: n for n in ("size", "verdict_code", "dump")}}),
    )
    ingest_file(store, source, now())
    return store


@pytest.fixture
def spec() -> ModelSpec:
    features = FeatureSet(
        (
            *quick_specs.RISK_FEATURES.histories,
            HistoryFeatures(("actor", "inputs"), ("failed",)),
        )
    )
    return replace(quick_specs.RISK, name=f"leak-{uuid.uuid4().hex[:10]}", features=features)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        yield Path(folder)


@pytest.fixture
def registry(database: Store, home: Path) -> Registry:
    return connect(Settings(home=home, mlflow_tracking_uri=None), database)


def test_leaks_are_left_out_and_named_in_the_outcome(
    log: Store, registry: Registry, spec: ModelSpec
) -> None:
    outcome = train_spec(log, registry, spec)
    named = [(d.leak.input, d.leak.kind, d.accepted) for d in outcome.inputs.leaks]
    assert named == [("dump", "presence", None), ("verdict_code", "value", None)]
    assert outcome.scores["auc"] < 0.98
    assert [leak["input"] for leak in json.loads(json.dumps(outcome.as_json()))["leaks"]] == [
        "dump",
        "verdict_code",
    ]


def test_no_feature_and_no_key_of_a_history_reads_a_leak(log: Store, spec: ModelSpec) -> None:
    plan = extract(log, spec).plan
    assert "inputs.size" in plan.names
    assert not {"inputs.dump", "inputs.verdict_code"} & set(plan.names)
    assert plan.histories[-1].without == ("dump", "verdict_code")


@pytest.mark.parametrize(
    ("first_status", "kinds"), [("running", [LeakKind.CHANGED]), ("succeeded", [])]
)
def test_an_input_that_changes_while_work_is_open_leaks_and_a_correction_does_not(
    store: Store, tmp_path: Path, spec: ModelSpec, first_status: str, kinds: list[LeakKind]
) -> None:
    path = write_log(tmp_path)
    last = pd.read_csv(path, dtype=str, keep_default_na=False)
    first = last.assign(status=first_status, size="0")
    if first_status == "running":
        first["finished"] = ""
    for rows in (first, last):
        rows.to_csv(path, index=False)
        ingest_file(store, FileSource(path, "csv", "leaky", declare({"inputs": ["size"]})), now())
    assert [decision.leak.kind for decision in extract(store, spec).inputs.leaks] == kinds


def test_a_person_may_accept_a_leak_and_the_reason_stays(log: Store, spec: ModelSpec) -> None:
    leak_check.accept(log, spec, {"verdict_code": WHY}, "ann", now())
    extracted = extract(log, spec)
    decision = extracted.inputs.leaks[1]
    assert decision.accepted is not None
    assert (decision.accepted.actor, decision.accepted.reason) == ("ann", WHY)
    assert "inputs.verdict_code" in extracted.plan.names
    assert "inputs.dump" not in extracted.plan.names
    leak_check.withdraw(log, spec.name, ["verdict_code"], "bob", now())
    assert "inputs.verdict_code" not in extract(log, spec).plan.names
    with pytest.raises(Refused, match="nobody has accepted"):
        leak_check.withdraw(log, spec.name, ["verdict_code"], "bob", now())


def test_what_people_said_is_never_changed(log: Store, spec: ModelSpec) -> None:
    leak_check.accept(log, spec, {"size": WHY}, "ann", now())
    with pytest.raises(DBAPIError, match="only ever added"), log.begin() as connection:
        connection.execute(text("UPDATE runlore.leak_decisions SET actor = 'eve'"))


def test_an_acceptance_needs_an_input_of_the_log_and_a_reason(log: Store, spec: ModelSpec) -> None:
    with pytest.raises(BadInput, match="no execution has an input 'nothing'"):
        leak_check.accept(log, spec, {"nothing": WHY}, "ann", now())
    with pytest.raises(BadInput, match="say why"):
        leak_check.accept(log, spec, {"size": " "}, "ann", now())


def test_a_spec_may_stop_for_leaks(log: Store, spec: ModelSpec) -> None:
    strict = replace(spec, leaks=LeakPolicy("stop"))
    with pytest.raises(LeakRefused, match="verdict_code alone tells `failed` apart") as refusal:
        extract(log, strict)
    assert "--accept-leak dump --accept-leak verdict_code" in refusal.value.command
    leak_check.accept(log, strict, {"verdict_code": WHY, "dump": WHY}, "ann", now())
    assert len(extract(log, strict).inputs.leaks) == 2


def test_a_baseline_that_reads_a_leak_stops_the_training(log: Store, spec: ModelSpec) -> None:
    history = HistoryFeatures(("inputs.verdict_code",), ("failed",))
    spec = replace(spec, features=FeatureSet((history,)), baseline=history.feature_names[4])
    with pytest.raises(LeakRefused, match="verdict_code"):
        extract(log, spec)


def test_a_spec_names_inputs_that_are_measured_afterwards(log: Store, spec: ModelSpec) -> None:
    spec = replace(spec, leaks=LeakPolicy(measured_afterwards=("size",)))
    assert [d.leak.input for d in extract(log, spec).inputs.leaks] == [
        "dump",
        "size",
        "verdict_code",
    ]


def test_the_card_of_the_model_lists_each_leak(
    log: Store, registry: Registry, spec: ModelSpec, home: Path
) -> None:
    leak_check.accept(log, spec, {"dump": WHY}, "ann", now())
    train_spec(log, registry, spec)
    cards = [path.read_text(encoding="utf-8") for path in home.rglob("model_card.md")]
    (card,) = [text for text in cards if f"# {spec.name}:" in text]
    assert "- `verdict_code` alone tells `failed` apart" in card
    assert f"**accepted by ann: {WHY}**" in card
