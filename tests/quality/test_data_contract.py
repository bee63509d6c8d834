"""The contract on real parts: a bad batch is refused while the champion serves on."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from runlore.alerts.queries import anomalies
from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.kernel.errors import DataRefused, NoChampion, NoContract
from runlore.quality import queries
from runlore.quality.actions.contract import Acceptance, check_new, find
from runlore.quality.actions.window_check import quality
from runlore.registry import Registry, VersionRef, connect
from runlore.settings import Settings
from runlore.specs.catalog import duration
from runlore.specs.model_spec import Gate, ModelSpec, Split
from runlore.store.engine import Store
from runlore.training.actions.training import train_spec
from tests.log.logged_work import Work, add, day

pytestmark = pytest.mark.slow

TRAINING = Work(3000, 0, 42)
QUIET = Work(500, 42, 7)
BROKEN = Work(500, 42, 7, size=60)
"""Sizes in another unit."""


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    history = HistoryFeatures(("actor",), ("failed", "log_duration", "duration_s"), (3600.0,))
    return replace(
        duration.SPEC,
        name=f"duration-{uuid.uuid4().hex[:10]}",
        features=FeatureSet(histories=(history,)),
        candidates=("baseline", "linear"),
        gates=(Gate("mae", "bound", 1e9),),
        split=Split(most_test_rows=40),  # so few that no model is surely worse than the median
    )


@pytest.fixture(scope="module")
def registry(database: Store) -> Iterator[Registry]:
    home = Path(tempfile.mkdtemp(prefix="rl-"))
    yield connect(Settings(home=home, mlflow_tracking_uri=None), database)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def champion(store: Store, registry: Registry, spec: ModelSpec) -> VersionRef:
    add(store, TRAINING)
    if registry.champion(spec.name) is None:
        outcome = train_spec(store, registry, spec, at=day(43))
        assert outcome.alias == "champion", outcome.reasons
    found = registry.champion(spec.name)
    assert found is not None
    return found


def written(store: Store, spec: ModelSpec) -> list[queries.DataCheck]:
    with store.begin() as connection:
        return queries.read(connection, spec.name)


def test_training_keeps_the_contract_with_the_version(
    registry: Registry, champion: VersionRef, tmp_path: Path
) -> None:
    contract = find(registry.download(champion, tmp_path))
    assert contract is not None
    assert contract.rows == 3000
    assert {"actor", "kind", "inputs.size", "duration_s"} <= {c.name for c in contract.columns}


def test_what_was_trained_on_already_is_not_checked_again(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef
) -> None:
    checked = check_new(store, registry, spec, day(43))
    assert checked.verdict.passed
    assert "Nothing has come in" in checked.verdict.note
    assert written(store, spec) == []


def test_a_bad_batch_is_refused_and_the_champion_serves_on(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef
) -> None:
    add(store, BROKEN)
    with pytest.raises(DataRefused, match=r"inputs\.size: .* has its unit changed\?") as refused:
        train_spec(store, registry, spec, at=day(50))
    assert f'runlore train {spec.name} --accept-data "WHY"' in str(refused.value)
    assert registry.champion(spec.name) == champion
    assert registry.alias(spec.name, "challenger") is None
    (check,) = written(store, spec)
    assert (check.passed, check.version, check.rows) == (False, champion.version, 500)
    assert check.accepted_by is None


def test_a_person_may_accept_it_and_is_recorded(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef
) -> None:
    add(store, BROKEN)
    accepted = Acceptance("ann", "we moved to kilobytes")
    outcome = train_spec(store, registry, spec, at=day(50), accepted=accepted)
    assert outcome.version not in (None, champion.version)
    (check,) = written(store, spec)
    assert (check.accepted_by, check.accepted_why) == ("ann", "we moved to kilobytes")
    run = registry.version(spec.name, outcome.version).run_id
    tags = MlflowClient(registry.tracking_uri).get_run(run).data.tags
    assert tags["runlore.data"] == "accepted by ann: we moved to kilobytes"
    assert "inputs.size" in tags["runlore.data_reasons"]


def test_a_clean_batch_teaches(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef
) -> None:
    add(store, QUIET)
    checked = check_new(store, registry, spec, day(50))
    assert checked.verdict.reasons == ()
    assert [each.passed for each in written(store, spec)] == [True]


def test_a_bad_window_opens_an_anomaly_and_a_clean_one_resolves_it(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef
) -> None:
    add(store, BROKEN, replace(QUIET, first_day=49, seed=3))
    bad = quality(store, registry, spec, day(49))
    assert [finding.check for finding in bad.verdict.findings] == ["level"]
    assert bad.anomaly == "opened"
    with store.begin() as connection:
        (anomaly,) = anomalies.read_open(connection, "data quality")
    assert anomaly.subject == spec.name
    clean = quality(store, registry, spec, day(56))
    assert (clean.verdict.reasons, clean.anomaly) == ((), "resolved")
    again = quality(store, registry, spec, day(49))
    assert (again.verdict.passed, again.anomaly) == (False, None), "an older instant"


def test_a_log_that_has_stopped_is_told_to_be_stale(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef
) -> None:
    found = quality(store, registry, spec, day(60))
    assert "freshness" in {finding.check for finding in found.verdict.findings}


def test_a_champion_of_before_there_were_contracts_says_so(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("runlore.quality.actions.contract.FILE", "no-such.json")
    with pytest.raises(NoContract, match=f"runlore train {spec.name}"):
        quality(store, registry, spec, day(49))


def test_a_spec_that_nothing_serves_has_no_contract(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    with pytest.raises(NoChampion):
        quality(store, registry, replace(spec, name="nobody-serves-this"), day(50))
