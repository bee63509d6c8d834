"""From the log to a version in MLflow, and what is left when the process is killed."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from sqlalchemy import text

from runlore import simulate
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.kernel.errors import Refused
from runlore.kernel.instants import now, parse
from runlore.monitoring.actions import reference
from runlore.monitoring.rules.measures import PREDICTION
from runlore.records.mapping import declare
from runlore.registry import Registry, alias_history, connect
from runlore.serving.queries import feature_states
from runlore.settings import Settings
from runlore.specs.model_spec import Gate, ModelSpec, RetrainingPolicy
from runlore.store.engine import Store
from runlore.training.actions.extraction import extract
from runlore.training.actions.training import train_spec
from runlore.training.rules.split import divide
from tests.flows import quick_specs

pytestmark = pytest.mark.slow

KILLED = """
import sys
from dataclasses import replace
from pathlib import Path
from runlore.registry import connect
from runlore.settings import Settings
from runlore.store import engine
from runlore.training.actions.training import train_spec
from tests.flows import quick_specs

store = engine.connect(sys.argv[1])
registry = connect(Settings(home=Path(sys.argv[2])), engine.connect(sys.argv[3]))
print("begun", flush=True)
train_spec(store, registry, replace(quick_specs.RISK, name=sys.argv[4]))
print("done", flush=True)
"""


@pytest.fixture
def log(store: Store, tmp_path: Path) -> Store:
    made = simulate.simulate(
        simulate.Scenario(
            executions=2500, days=60, end=parse("2026-06-01T00:00:00Z"), change_at=1.0
        )
    )
    files = simulate.write(made, tmp_path)
    mapping = {k: v for k, v in simulate.mapping().items() if k != "source"}
    ingest_file(store, FileSource(files.executions, "csv", "simulated", declare(mapping)), now())
    return store


@pytest.fixture
def spec() -> ModelSpec:
    """A name that no other test uses: MLflow's tables are shared by all tests."""
    return replace(quick_specs.RISK, name=f"risk-{uuid.uuid4().hex[:10]}")


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rl-") as folder:
        yield Path(folder)


@pytest.fixture
def registry(database: Store, home: Path) -> Registry:
    return connect(Settings(home=home, mlflow_tracking_uri=None), database)


def coin_tosses(rows: int) -> Iterator[str]:
    """Work that fails by chance: nothing that is known before says anything of it."""
    random = np.random.default_rng(0)
    begin = parse("2026-01-01T00:00:00Z")
    for row, (actor, is_failed) in enumerate(random.integers(0, (20, 2), (rows, 2)).tolist()):
        at = begin + timedelta(minutes=20 * row)
        end = at + timedelta(minutes=5)
        word = "failed" if is_failed else "ok"
        yield f"{row},ann{actor},{at.isoformat()},{end.isoformat()},{word}\n"


def changes(store: Store, spec: str) -> list[tuple[str, str]]:
    query = text("SELECT alias, version FROM runlore.alias_changes WHERE spec = :s ORDER BY id")
    with store.begin() as connection:
        return [(a, v) for a, v in connection.execute(query, {"s": spec})]


def test_the_first_that_passes_is_champion_and_a_later_one_that_is_good_enough_challenges(
    log: Store, registry: Registry, spec: ModelSpec
) -> None:
    first = train_spec(log, registry, spec)
    assert (first.version, first.alias) == ("1", "champion")
    tolerant = RetrainingPolicy(least_gain=-0.5)
    other = replace(spec, candidates=("baseline", "naive-bayes"), retraining=tolerant)
    second = train_spec(log, registry, other)
    assert (second.version, second.alias) == ("2", "challenger")
    assert second.challenge is not None
    assert second.challenge["champion"] == "1"
    assert changes(log, spec.name) == [("champion", "1"), ("challenger", "2")]
    again = train_spec(log, registry, spec)
    client = MlflowClient(registry.tracking_uri)
    runs = [client.get_run(outcome.run) for outcome in (first, second, again)]
    words = [run.info.run_name.partition(": ")[0] for run in runs]
    assert words == ["promoted", "challenger", "unchanged"]
    assert f": {first.candidate}, {spec.name} " in runs[0].info.run_name
    card = runs[0].data.tags["mlflow.note.content"]
    assert f"](get-artifact?path=plots%2Fcalibration.png&run_uuid={first.run})" in card
    assert "://" not in card
    assert "test/AUC" in runs[0].data.metrics
    with log.connect() as connection:
        kept = feature_states.active(connection)
    assert set(spec.features.histories) <= set(kept)


@pytest.mark.parametrize(("window_days", "by_folds"), [(7, False), (30, True)])
def test_later_predictions_are_compared_with_the_versions_own_where_those_fill_a_window(
    log: Store,
    registry: Registry,
    spec: ModelSpec,
    window_days: int,
    by_folds: bool,
) -> None:
    spec = replace(spec, drift=replace(spec.drift, window_s=window_days * 86_400.0))
    train_spec(log, registry, spec)
    found = registry.champion(spec.name)
    assert found is not None
    known = reference.load(registry, found)
    data = extract(log, spec).data
    division = divide(spec, data)
    assert known.reference is not None
    (kept,) = known.reference.profile.only([PREDICTION]).columns
    if by_folds:
        assert kept.known == len(division.valid)
    else:
        own = known.predict(data.rows[division.test])
        assert kept.known == len(own)
        assert kept.moments.mean == pytest.approx(own.mean(), rel=1e-6)


def test_a_version_that_may_be_worse_than_the_champion_is_registered_and_answers_nobody(
    log: Store, registry: Registry, spec: ModelSpec
) -> None:
    first = train_spec(log, registry, spec)
    second = train_spec(log, registry, replace(spec, candidates=("baseline", "naive-bayes")))
    assert (second.version, second.alias, second.passed) == ("2", None, False)
    assert second.challenge is not None
    gain = second.challenge["gain"]
    assert gain["low"] <= 0
    apart = abs(second.scores[spec.select_by] - first.scores[spec.select_by])
    assert gain["value"] == pytest.approx(-apart, abs=1e-6)
    assert f"of champion 1 on {second.challenge['rows']:,} executions" in second.refusal
    assert changes(log, spec.name) == [("champion", "1"), ("", "2")]
    assert alias_history.digest_of(log, spec.name, "2") == registry.version(spec.name, "2").digest
    assert registry.alias(spec.name, "challenger") is None


def test_a_spec_that_does_not_beat_its_baseline_is_refused_with_the_numbers(
    store: Store, registry: Registry, spec: ModelSpec, tmp_path: Path
) -> None:
    chance = tmp_path / "chance.csv"
    chance.write_text("id,actor,submitted,finished,status\n" + "".join(coin_tosses(3000)))
    ingest_file(store, FileSource(chance, "csv", "chance"), now())
    outcome = train_spec(store, registry, replace(spec, gates=(Gate("auc", "baseline"),)))
    assert not outcome.passed
    assert outcome.version is None
    assert abs(outcome.scores["auc"] - 0.5) < 0.08
    assert f"{outcome.scores['auc']:.4g}" in outcome.refusal
    assert f"{outcome.baseline['auc']:.4g}" in outcome.refusal
    assert registry.champion(spec.name) is None


def test_an_empty_store_says_what_to_do(store: Store, spec: ModelSpec) -> None:
    with pytest.raises(Refused, match="runlore ingest"):
        extract(store, spec)


@pytest.mark.parametrize("after_s", [2.0, pytest.param(0.3, marks=pytest.mark.exhaustive)])
def test_a_training_that_was_killed_is_made_up_for_and_doubles_nothing(
    log: Store, database: Store, registry: Registry, home: Path, spec: ModelSpec, after_s: float
) -> None:
    command = [sys.executable, "-c", KILLED, log.url, str(home), database.url, spec.name]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)
    outcome = train_spec(log, registry, spec)
    assert (outcome.version, outcome.alias) == ("1", "champion")
    assert len(registry.versions(spec.name)) == 1
    assert changes(log, spec.name) == [("champion", "1")]
    assert train_spec(log, registry, spec).version == "1"
    assert changes(log, spec.name) == [("champion", "1")]
