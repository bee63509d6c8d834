"""From a log in PostgreSQL over a version in MLflow to results, anomaly and report."""

import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient
from sqlalchemy import text

from runlore.alerts.queries import anomalies
from runlore.cli import monitoring as command
from runlore.cli.monitoring import as_json
from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import NoChampion
from runlore.kernel.instants import to_us
from runlore.log import time_slices
from runlore.monitoring import drift_report
from runlore.monitoring.actions import drift_history, reference
from runlore.monitoring.actions.drift_history import Judgement
from runlore.monitoring.actions.examining import examine
from runlore.monitoring.actions.monitoring import MonitorOutcome, because_of_drift, monitor
from runlore.monitoring.actions.stored_verdict import DRIFTED_SHARE
from runlore.monitoring.queries import drift_results
from runlore.monitoring.queries.drift_results import ALL_COLUMNS
from runlore.monitoring.queries.drift_slices import Watermark
from runlore.registry import Registry, VersionRef, connect
from runlore.retraining.actions import requests
from runlore.settings import Settings
from runlore.specs.catalog import duration
from runlore.specs.model_spec import DriftPolicy, Gate, ModelSpec, Split
from runlore.store.engine import Store
from runlore.training.actions.training import train_spec
from tests.log.logged_work import Work, add, day

pytestmark = pytest.mark.slow

TRAINING = Work(6000, 0, 70)
QUIET = Work(500, 70, 7)
OTHER = Work(500, 77, 7, size=20, minutes=600, failing=0.6, kinds=("new",), actors=("eve",))
"""Work by others, of another kind, size and length."""

STILL_OTHER = replace(OTHER, first_day=84, seed=4)
"""A week more of it: two drifted weeks make an alarm."""


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    values = ("failed", "log_duration", "duration_s")
    return replace(
        duration.SPEC,
        name=f"duration-{uuid.uuid4().hex[:10]}",
        features=FeatureSet(histories=(HistoryFeatures(("actor",), values, (3600.0,)),)),
        candidates=("baseline", "linear"),
        gates=(Gate("mae", "bound", 1e9),),
        split=Split(test_share=0.3),
        drift=DriftPolicy(drifted_share=0.3, report_rows=300),
    )


@pytest.fixture(autouse=True)
def _few_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are tested elsewhere; a few plots are soon made."""
    monkeypatch.setattr(drift_report, "MOST_PLOTS", 2)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="rl-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def registry(database: Store, home: Path) -> Registry:
    return connect(Settings(home=home, mlflow_tracking_uri=None), database)


@pytest.fixture
def champion(store: Store, registry: Registry, spec: ModelSpec) -> VersionRef:
    """Trained on ten quiet weeks; two weeks come after them: one as before, one not."""
    add(store, TRAINING)
    found = registry.champion(spec.name)
    if found is None:
        train_spec(store, registry, spec)
        found = registry.champion(spec.name)
    assert found is not None
    add(store, QUIET, OTHER)
    return found


def alarmed(store: Store, registry: Registry, spec: ModelSpec, folder: Path) -> MonitorOutcome:
    """Two weeks of other work, one after the other."""
    monitor(store, registry, spec, day(84), folder)
    add(store, STILL_OTHER)
    return monitor(store, registry, spec, day(91), folder)


def open_anomalies(store: Store, spec: ModelSpec) -> list[anomalies.Anomaly]:
    with store.begin() as connection:
        return [
            each for each in anomalies.read_open(connection, "drift") if each.subject == spec.name
        ]


def stored(store: Store, outcome: MonitorOutcome) -> drift_results.DriftComparison | None:
    with store.begin() as connection:
        return drift_results.read(connection, outcome.window)


def rows_in(store: Store) -> int:
    with store.begin() as connection:
        return connection.scalar(text("SELECT count(*) FROM runlore.drift_results"))


def test_a_spec_that_nothing_serves_is_told_so(
    store: Store, registry: Registry, spec: ModelSpec, tmp_path: Path
) -> None:
    nobody = replace(spec, name="nobody-serves-this")
    with pytest.raises(NoChampion, match="train one with `runlore train nobody-serves-this`"):
        monitor(store, registry, nobody, day(77), tmp_path)


def test_a_quiet_week_is_recorded_as_no_drift(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    outcome = monitor(store, registry, spec, day(77), tmp_path)
    assert outcome.verdict.answer == "no drift"
    assert outcome.window == drift_results.ComparedWindow(
        spec.name, champion.version, day(70), day(77)
    )
    assert outcome.is_new
    assert outcome.anomaly is None
    assert open_anomalies(store, spec) == []
    found = stored(store, outcome)
    assert found is not None
    assert (found.at, found.rows_current) == (day(77), 500)
    assert found.rows_reference == outcome.verdict.rows_reference > 4000
    share = found.results[0]
    assert (share.column_name, share.statistic) == (ALL_COLUMNS, DRIFTED_SHARE)
    assert (share.value, share.is_drifted) == (outcome.verdict.drifted_share, False)


def test_every_column_and_statistic_becomes_a_row(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    outcome = monitor(store, registry, spec, day(84), tmp_path)
    found = stored(store, outcome)
    assert found is not None
    told = {(each.column_name, each.statistic): each for each in found.results[1:]}
    measures = {
        (column.name, each.statistic): each
        for column in outcome.verdict.columns
        for each in column.measures
    }
    columns = {column.name for column in outcome.verdict.columns}
    beside = {(name, each) for name in columns for each in ("q_value", "weight")}
    assert told.keys() == measures.keys() | beside
    for column in outcome.verdict.columns:
        believed = told[column.name, "q_value"]
        assert (believed.value, believed.threshold) == (column.q_value, column.level)
        assert believed.is_drifted == column.is_drifted
    for key, each in measures.items():
        assert (told[key].value, told[key].threshold) == (each.value, each.threshold)
        assert told[key].is_drifted == each.is_drifted
    assert columns >= {"prediction", "label", "inputs.size", "actor", "hour"}
    assert ("prediction", "ks") in told
    assert ("kind", "chi_square") in told


def test_a_week_of_other_work_is_told_and_a_second_one_opens_an_anomaly_until_a_clean_one(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    first = monitor(store, registry, spec, day(84), tmp_path)
    assert (first.verdict.answer, first.anomaly) == ("drift", None)
    assert first.decision.reasons == ("1 of the last 3 windows drifted; an alarm needs 2",)
    assert open_anomalies(store, spec) == []

    add(store, STILL_OTHER)
    outcome = monitor(store, registry, spec, day(91), tmp_path)
    assert outcome.verdict.answer == "drift"
    assert outcome.anomaly == "opened"
    (anomaly,) = open_anomalies(store, spec)
    assert anomaly.opened_at == day(91)
    assert anomaly.evidence["version"] == champion.version
    assert anomaly.evidence["window_to"] == day(91).isoformat()
    assert anomaly.evidence["since"] == day(77).isoformat()
    assert anomaly.evidence["alarm"] == outcome.decision.reasons[0]
    assert anomaly.evidence["reasons"] == list(outcome.verdict.reasons[:20])
    assert any("kind: values unknown in training" in each for each in anomaly.evidence["reasons"])

    still = monitor(store, registry, spec, day(91.5), tmp_path)
    assert (still.verdict.answer, still.anomaly, still.is_new) == ("drift", "open", False)
    assert [each.id for each in open_anomalies(store, spec)] == [anomaly.id]

    past = monitor(store, registry, spec, day(77), tmp_path)
    assert (past.verdict.answer, past.anomaly) == ("no drift", "open"), "an older window"

    add(store, replace(QUIET, first_day=93, seed=9))
    clean = monitor(store, registry, spec, day(100), tmp_path)
    assert (clean.verdict.answer, clean.anomaly) == ("no drift", "resolved")
    assert open_anomalies(store, spec) == []
    with store.begin() as connection:
        (closed,) = anomalies.read_history(connection, "drift", spec.name)
    assert closed.resolved_at == day(100)


def test_the_same_window_again_adds_nothing_and_tells_the_same(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    first = alarmed(store, registry, spec, tmp_path)
    rows, written = rows_in(store), first.report.stat().st_mtime_ns
    add(store, replace(QUIET, first_day=91, executions=50, source="later"))
    again = monitor(store, registry, spec, day(91), tmp_path)
    assert not again.is_new
    assert again.replaced == ()
    assert rows_in(store) == rows
    assert again.report == first.report
    assert again.report.stat().st_mtime_ns == written
    assert again.anomaly == "open"
    assert again.window == first.window
    for name in (
        *("answer", "drifted_share", "threshold", "level", "rows_reference", "rows_current"),
        "reasons",
    ):
        assert getattr(again.verdict, name) == getattr(first.verdict, name)
    assert [column.name for column in again.verdict.columns] == [
        column.name for column in first.verdict.columns
    ]
    assert [column.measures for column in again.verdict.columns] == [
        column.measures for column in first.verdict.columns
    ]


def test_a_backfill_makes_its_window_judged_anew_and_what_was_said_is_kept(
    store: Store,
    registry: Registry,
    spec: ModelSpec,
    champion: VersionRef,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = alarmed(store, registry, spec, tmp_path)
    add(store, replace(QUIET, first_day=84, executions=400, seed=11, source="late"))
    again = monitor(store, registry, spec, day(91), tmp_path)
    assert again.is_new
    assert again.verdict.rows_current == first.verdict.rows_current + 400
    assert again.anomaly == "open"
    assert [(before.verdict.answer, before.at) for before in again.replaced] == [("drift", day(91))]
    assert again.report != first.report
    assert first.report.is_file(), "the page of what was said before"
    newest = drift_history.history(store, spec.name, 5)[0]
    assert [before.report for before in newest.before] == [str(first.report)]
    command.show(again)
    shown = capsys.readouterr().out
    assert "evaluated anew, because facts came in since: the window until" in shown
    assert not monitor(store, registry, spec, day(91), tmp_path).is_new


def test_an_older_window_that_is_judged_last_raises_the_alarm_and_wants_a_training_once(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    add(store, STILL_OTHER)
    newest = monitor(store, registry, spec, day(91), tmp_path)
    assert (newest.anomaly, because_of_drift(newest)) == (None, None)
    older = monitor(store, registry, spec, day(84), tmp_path)
    assert older.anomaly == "opened"
    (anomaly,) = open_anomalies(store, spec)
    assert anomaly.evidence["window_to"] == day(91).isoformat()
    again = monitor(store, registry, spec, day(91), tmp_path)
    assert (again.is_new, again.anomaly, again.decision.action) == (False, "open", "retrain")
    wishes = [because_of_drift(outcome) for outcome in (older, again, older)]
    asked = [
        requests.request(store, registry, spec, wish, day(91))
        for wish in wishes
        if wish is not None
    ]
    assert [outcome.is_new for outcome in asked] == [True, False, False]
    assert [each.id for each in open_anomalies(store, spec)] == [anomaly.id]


def test_two_at_once_record_a_window_once(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    outcome = monitor(store, registry, spec, day(84), tmp_path)
    other = replace(outcome.window, window_to=day(85))
    judgement = Judgement(other, outcome.verdict, Watermark(0, 0), "x.html")
    at_once = replace(spec.drift, window_s=8 * DAY_S, least_windows=1, of_windows=1)
    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(
                lambda _: drift_history.record(
                    store, [judgement], (spec.name, champion.version), at_once, day(85)
                ),
                range(4),
            )
        )
    assert sorted(len(each.added) for each in found) == [0, 0, 0, 1]
    assert len(open_anomalies(store, spec)) == 1


def test_too_few_executions_are_not_enough_data_and_leave_no_trace(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    alarmed(store, registry, spec, tmp_path)
    rows, pages = rows_in(store), list(tmp_path.rglob("*.html"))
    outcome = monitor(store, registry, spec, day(92), tmp_path, DAY_S / 24)
    assert outcome.verdict.answer == "not enough data"
    assert "a verdict needs 100" in outcome.verdict.reasons[0]
    assert (outcome.report, outcome.is_new, outcome.anomaly) == (None, False, "open")
    assert rows_in(store) == rows
    assert list(tmp_path.rglob("*.html")) == pages
    assert len(open_anomalies(store, spec)) == 1, "nothing known resolves nothing"


def test_where_the_log_ended_earlier_its_last_week_is_judged_and_told(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    outcome = monitor(store, registry, spec, day(400), tmp_path)
    assert (outcome.window.window_from, outcome.window.window_to) == (day(77), day(84))
    assert "The log ends on" in outcome.note
    assert outcome.verdict.answer == "drift"


def test_the_report_is_in_its_folder_and_in_the_champions_run(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef, tmp_path: Path
) -> None:
    outcome = monitor(store, registry, spec, day(84), tmp_path)
    assert outcome.report is not None
    assert outcome.report.parent == tmp_path / spec.name
    page = outcome.report.read_text(encoding="utf-8")
    assert f"{spec.name}, version {champion.version}" in page
    assert "300 of 500 rows of the window" in page
    assert f"of {outcome.verdict.rows_reference:,} rows of the reference" in page
    kept = [
        each.path
        for each in MlflowClient(registry.tracking_uri).list_artifacts(champion.run_id, "drift")
    ]
    assert f"drift/{outcome.report.name}" in kept


def test_what_training_kept_is_what_the_window_is_compared_with(
    store: Store, registry: Registry, spec: ModelSpec, champion: VersionRef
) -> None:
    found = reference.load(registry, champion)
    assert found.reference is not None
    assert found.reference.names == (*found.plan.names, "prediction", "label")
    assert found.importance.keys() == set(found.plan.names)
    first, last = found.trained_us
    assert to_us(day(0)) <= first < last <= to_us(day(50))
    bare = replace(found, reference=None)
    asked = time_slices.ending(day(77), spec.drift.window_s)
    kept, recalled = (examine(store, each, spec, asked, day(77)).verdict for each in (found, bare))
    by_name = {column.name: column for column in kept.columns}
    assert {c.name for c in recalled.columns} == set(by_name) - {"prediction", "label"}
    for column in recalled.columns:
        assert column.psi.value == pytest.approx(by_name[column.name].psi.value, abs=0.02)


def test_the_command_tells_the_verdict_to_people_and_machines(
    store: Store,
    registry: Registry,
    spec: ModelSpec,
    champion: VersionRef,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    outcome = alarmed(store, registry, spec, tmp_path)
    told = json.loads(json.dumps(as_json(outcome), default=str))
    assert (told["answer"], told["anomaly"], told["is_new"]) == ("drift", "opened", True)
    assert told["columns"][0].keys() >= {"column", "is_drifted", "change", "psi"}
    command.show(outcome)
    shown = capsys.readouterr().out
    assert f"drift: {outcome.verdict.reasons[0]}" in shown
    assert str(outcome.report) in shown
    assert f"anomaly of {spec.name}: opened" in shown
    assert f"{len(outcome.verdict.columns) - command.SHOWN} more columns are in the report" in shown
