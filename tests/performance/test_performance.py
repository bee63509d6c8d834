"""From answers on the ledger and outcomes in the log to scores, verdicts, anomaly and plot."""

import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from sqlalchemy import text

from runlore.alerts.queries import anomalies
from runlore.cli import performance as command
from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.kernel.errors import NoChampion
from runlore.kernel.instants import to_us
from runlore.performance import queries
from runlore.performance.actions.windows import (
    PerformanceOutcome,
    because_of_performance,
    performance,
)
from runlore.performance.queries import PerformanceResult
from runlore.registry import Registry, VersionRef, connect
from runlore.retraining.actions import course as retraining_course
from runlore.retraining.actions import requests
from runlore.retraining.actions.course import TrainingEnd
from runlore.retraining.actions.requests import RequestOutcome
from runlore.serving.actions.scoring import score
from runlore.settings import Settings
from runlore.specs.catalog import failure_risk
from runlore.specs.model_spec import Gate, ModelSpec, PerformancePolicy
from runlore.store.engine import Store
from runlore.training.actions.training import train_spec
from tests.log.logged_work import Work, add, day, table

pytestmark = pytest.mark.slow

TRAINING = Work(6000, 0, 60, minutes=600)
QUIET = Work(2400, 60, 24, minutes=600)
FAILING = Work(700, 84, 7, minutes=600, failing=0.6)


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    return replace(
        failure_risk.SPEC,
        name=f"risk-{uuid.uuid4().hex[:10]}",
        features=FeatureSet(
            histories=(HistoryFeatures(("actor",), ("failed",), (3600.0 * 24 * 10,)),)
        ),
        candidates=("baseline", "linear"),
        baseline="actor.failed_mean_10d",
        select_by="brier",
        gates=(Gate("brier", "bound", 0.2),),
        performance=PerformancePolicy(windows=3),
    )


@pytest.fixture(scope="module")
def registry(database: Store) -> Iterator[Registry]:
    home = Path(tempfile.mkdtemp(prefix="rl-"))
    yield connect(Settings(home=home, mlflow_tracking_uri=None), database)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def champion(store: Store, registry: Registry, spec: ModelSpec) -> VersionRef:
    """Trained on sixty days; it has answered for the twenty-four after them."""
    add(store, TRAINING)
    if registry.champion(spec.name) is None:
        train_spec(store, registry, spec, at=day(60))
    add(store, QUIET)
    score(store, registry, spec, day(84), day(60))
    found = registry.champion(spec.name)
    assert found is not None
    return found


def scored(outcome: PerformanceOutcome) -> list[int]:
    return [each.answers for each in outcome.windows]


def open_reasons(store: Store) -> list[str]:
    with store.begin() as connection:
        return [
            reason
            for each in anomalies.read_open(connection, "performance")
            for reason in each.evidence["reasons"]
        ]


def test_windows_are_scored_by_what_was_known_then(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    found = performance(store, registry, spec, day(84), tmp_path)
    assert scored(found) == [700, 700, 700]
    facts = table(QUIET).to_pandas()
    inside = (facts["submitted"] > to_us(day(77))) & (facts["submitted"] <= to_us(day(84)))
    known = inside & (facts["known_at"] <= to_us(day(84)))
    newest = found.windows[-1]
    assert newest.realised.labels == known.sum() < 700
    assert newest.maturity == pytest.approx(known.sum() / 700, abs=0.03)
    truth = (facts["status"][inside] == "failed").mean()
    assert newest.realised.rate == pytest.approx(truth, abs=0.02)
    assert found.windows[0].maturity > 0.99
    assert found.mature_until is not None
    assert day(80) < found.mature_until < day(84)


def test_calibrated_answers_are_estimated_with_their_assumptions(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    newest = performance(store, registry, spec, day(84), tmp_path).windows[-1]
    assert newest.withdrawn == ()
    assert [each.name for each in newest.assumptions] == [
        "enough answers",
        "calibration",
        "support",
    ]
    assert newest.estimated["brier"].low <= newest.realised.scores["brier"].value
    assert newest.realised.scores["brier"].value <= newest.estimated["brier"].high


def test_a_concept_drift_withdraws_the_estimate_and_breaks_the_floor(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    add(store, FAILING)
    score(store, registry, spec, day(91), day(84))
    found = performance(store, registry, spec, day(91), tmp_path)
    newest = found.windows[-1]
    assert "calibration" in [each.name for each in newest.withdrawn]
    assert newest.estimated == {}
    assert found.is_below_floor
    (broken,) = found.floors
    assert broken.answer == "below"
    assert "(set by a gate of the spec)" in broken.reason
    assert found.anomaly == "opened"
    assert broken.reason in open_reasons(store)

    again = performance(store, registry, spec, day(91), tmp_path)
    assert again.anomaly == "open"
    older = performance(store, registry, spec, day(84), tmp_path)
    assert (older.is_below_floor, older.anomaly) == (False, "open"), "an older instant"

    add(store, replace(QUIET, executions=700, first_day=91, days=7))
    score(store, registry, spec, day(98), day(91))
    healed = performance(store, registry, spec, day(98), tmp_path)
    assert (healed.anomaly, open_reasons(store)) == ("resolved", [])


def test_a_score_below_its_floor_asks_for_a_training_once(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    fair = performance(store, registry, spec, day(84), tmp_path)
    assert because_of_performance(fair) is None
    add(store, FAILING)
    score(store, registry, spec, day(91), day(84))
    found = performance(store, registry, spec, day(91), tmp_path)
    wish = because_of_performance(found)
    assert wish is not None
    assert (wish.trigger, wish.reason) == ("performance", found.floors[0].reason)
    first = requests.request(store, registry, spec, wish, day(91))
    assert (first.is_new, first.retraining.state) == (True, "wanted")
    again = because_of_performance(performance(store, registry, spec, day(91), tmp_path))
    assert again == wish
    second = requests.request(store, registry, spec, wish, day(91))
    assert (second.is_new, second.retraining.id) == (False, first.retraining.id)


def test_a_breach_is_asked_for_once_in_a_windows_length_and_a_later_one_anew(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    add(store, FAILING, replace(FAILING, first_day=91, seed=5))
    score(store, registry, spec, day(98), day(84))

    def asked(at: float) -> RequestOutcome:
        wish = because_of_performance(performance(store, registry, spec, day(at), tmp_path))
        assert wish is not None
        return requests.request(store, registry, spec, wish, day(at))

    first = asked(91)
    course = retraining_course.begin(store, spec, first.retraining.id, day(91))
    assert course is not None
    retraining_course.end(store, course, TrainingEnd("failed", "killed"), day(91))
    for soon in (91.01, 92):
        again = asked(soon)
        assert (again.is_new, again.retraining.id) == (False, first.retraining.id)
    assert asked(98).is_new


def test_scores_stay_in_the_store_and_the_plot_in_the_run(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    found = performance(store, registry, spec, day(84), tmp_path)
    with store.begin() as connection:
        rows = queries.read(connection, spec.name, champion.version)
    brier = [row for row in rows if (row.score, row.source) == ("brier", "realised")]
    assert [row.window_to for row in brier] == [day(84), day(77), day(70)]
    assert brier[0].value == found.windows[-1].realised.scores["brier"].value
    assert {row.source for row in rows} == {"realised", "estimated"}
    assert found.plot is not None
    assert found.plot.read_bytes()[1:4] == b"PNG"
    kept = MlflowClient(registry.tracking_uri).list_artifacts(champion.run_id, "performance")
    assert f"performance/{found.plot.name}" in [each.path for each in kept]


def test_slower_answers_are_a_regression(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    longer = replace(spec, performance=PerformancePolicy(window_s=2 * 86_400, windows=8))
    with store.begin() as connection:
        connection.execute(
            text(
                "UPDATE runlore.ledger SET latency_ms = extract(epoch FROM as_of)::bigint % 3"
                " + CASE WHEN as_of > :since THEN 14 ELSE 10 END"
            ),
            {"since": day(82)},
        )
    found = performance(store, registry, longer, day(84), tmp_path)
    slower = {each.metric: each.answer for each in found.regressions}
    assert slower["latency p95, ms"] == slower["latency p50, ms"] == "regressed"
    assert any("latency p95" in reason for reason in open_reasons(store))


def taken_over(store: Store, at: float, slower_ms: float = 0.0) -> None:
    """What answered before a day was version 0; since then answers take so much longer, and one in
    ten is the challenger's, who takes for ever."""
    with store.begin() as connection:
        connection.execute(
            text(
                "UPDATE runlore.ledger SET"
                " version = CASE WHEN as_of > :at THEN version ELSE '0' END,"
                " arm = CASE WHEN as_of > :at AND random() < 0.1 THEN 'challenger' ELSE arm END,"
                " latency_ms = 10 + extract(epoch FROM as_of)::bigint % 3"
                " + CASE WHEN as_of > :at THEN :slower ELSE 0 END"
            ),
            {"at": day(at), "slower": slower_ms},
        )
        connection.execute(
            text("UPDATE runlore.ledger SET latency_ms = 9000 WHERE arm = 'challenger'")
        )


@pytest.mark.parametrize(("slower_ms", "answer"), [(0.0, "steady"), (4.0, "regressed")])
def test_a_slower_version_is_a_regression_from_its_first_window_on(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path,
    slower_ms: float, answer: str,
) -> None:  # fmt: skip
    taken_over(store, 82, slower_ms)
    days = replace(spec, performance=PerformancePolicy(window_s=2 * 86_400, windows=8))
    found = performance(store, registry, days, day(84), tmp_path)
    assert [each.first_us for each in found.windows] == [to_us(day(82))]
    told = {each.metric: each.answer for each in found.regressions}
    assert told["latency p95, ms"] == told["latency p50, ms"] == answer


@pytest.mark.parametrize(("brier", "answer"), [(0.09, "steady"), (0.04, "regressed")])
def test_a_worse_version_is_a_regression_from_its_first_window_on(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path,
    brier: float, answer: str,
) -> None:  # fmt: skip
    taken_over(store, 77)
    earlier = PerformanceResult(
        day(80), spec.name, "0", day(70), day(77), 700, 690, 0.99, "realised", "brier", brier,
        brier, brier,
    )  # fmt: skip
    weeks = [
        replace(earlier, window_from=day(end - 7), window_to=day(end)) for end in (77, 70, 63, 56)
    ]
    none_of_these = [
        replace(earlier, at=day(77), value=5.0),
        replace(earlier, window_from=day(69), window_to=day(76), value=5.0),
        replace(earlier, window_from=day(71), window_to=day(78), value=5.0),
        replace(earlier, window_from=day(76), value=5.0),
        replace(earlier, window_from=day(42), window_to=day(49), maturity=0.2, value=5.0),
        replace(earlier, source="estimated", value=5.0),
        replace(earlier, score="auc", value=5.0),
        replace(earlier, spec="another", value=5.0),
    ]
    with store.begin() as connection:
        queries.add(connection, [*none_of_these, *weeks])
    longer = replace(spec, performance=PerformancePolicy(windows=8))
    found = performance(store, registry, longer, day(84), tmp_path)
    assert len(found.windows) == 1
    (told,) = [each for each in found.regressions if each.metric == "Brier score"]
    assert (told.answer, told.baseline) == (answer, brier)
    assert "4 windows before" in told.reason


def test_answers_for_work_that_taught_the_version_do_not_count(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    score(store, registry, spec, day(60), day(0))
    found = performance(store, registry, spec, day(49), tmp_path)
    assert all(each.first_us >= to_us(day(41)) - 7 * 86_400e6 for each in found.windows)
    assert sum(scored(found)) <= 100 * (49 - 41)


def test_a_floor_rests_on_as_many_windows_as_it_takes(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    """Of 700 answers a window; the newest holds fewer outcomes."""

    def judged(least_labels: int) -> PerformanceOutcome:
        few = replace(spec, performance=replace(spec.performance, least_labels=least_labels))
        return performance(store, registry, few, day(84), tmp_path)

    labels = [each.realised.labels for each in judged(100).windows]
    wanted = {100: 1, labels[2]: 1, labels[2] + 1: 2, labels[2] + labels[1] + 1: 3}
    for least, windows in wanted.items():
        found = judged(least)
        (verdict,) = found.floors
        assert verdict.answer == "above"
        assert (f"over {windows} windows" in verdict.reason) == (windows > 1), least
        assert found.judged == found.windows[-1]
    never = judged(sum(labels) + 1)
    assert (never.floors[0].answer, never.is_answerable) == ("not enough data", False)
    assert f"{sum(labels):,} outcomes are known" in never.floors[0].reason


def test_a_ledger_without_answers_is_no_verdict(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    found = performance(store, registry, spec, day(400), tmp_path)
    assert (found.windows, found.is_answerable, found.is_below_floor) == ((), False, False)
    assert {each.answer for each in found.floors} == {"not enough data"}
    assert "holds no answer" in found.note


def test_a_spec_that_nothing_serves_is_told_so(
    store: Store, registry: Registry, spec: ModelSpec, tmp_path: Path
) -> None:
    with pytest.raises(NoChampion):
        performance(store, registry, replace(spec, name="nobody-serves-this"), day(84), tmp_path)


def test_the_command_tells_people_and_machines(
    store: Store,
    registry: Registry,
    spec: ModelSpec,
    champion: VersionRef,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = performance(store, registry, spec, day(84), tmp_path)
    told = json.loads(json.dumps(command.as_json(found), default=str, allow_nan=False))
    assert told["windows"][-1]["realised"]["brier"].keys() == {"value", "low", "high"}
    assert told["is_below_floor"] is False
    command.show(found, "brier")
    shown = capsys.readouterr().out
    assert "Brier score by window" in shown
    assert "estimate: calibration: holds" in shown
    assert "assumes: Of answers that say p" in shown
    assert np.isfinite(told["windows"][0]["maturity"])
