"""Score the champion's answers, estimate the newest, and compare them with the floors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.features import columns
from runlore.features.declaration import FeaturePlan
from runlore.kernel.errors import NoChampion
from runlore.kernel.instants import from_us, to_us
from runlore.models.bundle import Bundle
from runlore.monitoring.actions import reference
from runlore.performance import plots, queries
from runlore.performance.actions import record
from runlore.performance.actions.record import AnomalyChange
from runlore.performance.queries import PerformanceResult
from runlore.performance.rules import floor, groups, levels, maturity, regression, windows
from runlore.performance.rules.feature_support import FeatureSupport
from runlore.performance.rules.floor import FloorVerdict
from runlore.performance.rules.groups import GroupCoverage
from runlore.performance.rules.maturity import MatchedPredictions
from runlore.performance.rules.realised import RealisedScores, realise
from runlore.performance.rules.regression import Regression, WindowLoss
from runlore.performance.rules.windows import WindowPerformance
from runlore.records.execution import NO_INSTANT
from runlore.registry.registry import CHALLENGER
from runlore.retraining.actions.requests import LONGEST_REASON, RetrainingCause
from runlore.serving.queries import answers
from runlore.serving.queries.ledger_vectors import Vectors
from runlore.specs.model_spec import ModelSpec, Probability, Quantity
from runlore.store.engine import Store
from runlore.training.rules.trained import CHECKED_LEVELS, LevelCoverage

if TYPE_CHECKING:
    from runlore.registry import Registry, VersionRef

ARTIFACTS = "performance"
LEVEL_ROWS = 5_000  # newest answers whose quantiles are computed anew from their features


@dataclass(frozen=True)
class PerformanceOutcome:
    """The performance of a version, by the outcomes known at `at`.

    windows: oldest first, those without an answer left out. judged: the newest one that a verdict
    on a floor or on the score's regression rests on. mature_until: older answers are MATURE or
    more. plot: its path. levels: of the quantiles of the newest answers with features on the
    ledger; empty for a probability. groups: coverage of their intervals by group of work; empty for
    a probability. unit: of the prediction. challenger: the version that is ready
    to take over from one that is below a floor.
    """

    spec: str
    version: str
    at: datetime
    windows: tuple[WindowPerformance, ...]
    judged: WindowPerformance | None
    mature_until: datetime | None
    floors: tuple[FloorVerdict, ...]
    regressions: tuple[Regression, ...]
    plot: Path | None = None
    anomaly: AnomalyChange | None = None
    note: str = ""
    levels: tuple[LevelCoverage, ...] = ()
    groups: tuple[GroupCoverage, ...] = ()
    unit: str = ""
    challenger: str | None = None

    @property
    def is_below_floor(self) -> bool:
        """Evidence for a retraining: some score lies wholly on the wrong side of its floor."""
        return any(verdict.answer == "below" for verdict in self.floors)

    @property
    def is_answerable(self) -> bool:
        return self.judged is not None


def performance(
    store: Store,
    registry: "Registry",
    spec: ModelSpec,
    at: datetime,
    reports: Path,
    window_s: float | None = None,
) -> PerformanceOutcome:
    """Score the champion's answers on the ledger, window by window, as was known at `at`.

    Leaves the scores in the store, a plot in `reports` and in the champion's run, and opens or
    resolves the spec's anomaly. Answers for work that taught the version do not count. Raises
    NoChampion when nothing serves the spec.
    """
    ref = registry.champion(spec.name)
    if ref is None:
        raise NoChampion(spec.name)
    bundle = registry.load(ref)
    known = reference.find(registry.download(ref))
    edges = _edges(spec, at, window_s or spec.performance.window_s)
    outcome = _judge(store, spec, bundle, known, edges)
    if outcome.is_below_floor and (ready := registry.alias(spec.name, CHALLENGER)) is not None:
        outcome = replace(outcome, challenger=ready.version)
    return _leave(store, registry, spec, ref, outcome, reports) if outcome.windows else outcome


def _judge(
    store: Store,
    spec: ModelSpec,
    bundle: Bundle,
    known: "reference.Reference | None",
    edges: list[datetime],
) -> PerformanceOutcome:
    """What is found by looking alone. edges: of the windows; the last one is now."""
    version, at = bundle.version or "", edges[-1]
    honest = max(edges[0], from_us(bundle.description["training"]["test_us"]))
    vectors = answers.read(store, spec.name, version, honest, at)
    answered = answered_of(vectors, spec, at)
    measured = windows.measure(
        answered,
        [to_us(edge) for edge in edges],
        _support(vectors, known, bundle.plan),
        is_probability=spec.is_probability,
    )
    place = windows.judged(measured, spec.performance.least_labels)
    floors = _floors(spec, bundle, measured, answered)
    is_judged = place is not None or any(verdict.answer != "not enough data" for verdict in floors)
    newest = windows.judged(measured, 1) if is_judged else None
    scored = () if place is None else measured[: place + 1]
    return PerformanceOutcome(
        spec=spec.name,
        version=version,
        at=at,
        windows=measured,
        judged=None if newest is None else measured[newest],
        mature_until=_mature_until(answered, at),
        floors=floors,
        regressions=(
            *_score_regression(store, spec, version, scored),
            *_latency_regressions(store, spec, edges),
        ),
        note=_note(measured, spec),
        levels=_levels(bundle, vectors, answered),
        groups=_groups(bundle, vectors, answered),
        unit="" if isinstance(spec.question, Probability) else spec.question.unit,
    )


def _levels(
    bundle: Bundle, vectors: Vectors, answered: MatchedPredictions
) -> tuple[LevelCoverage, ...]:
    """Coverage of the version's quantiles, which the ledger does not have but can be computed."""
    newest, rows = _newest(bundle, vectors)
    if bundle.distribution is None or not newest.size:
        return ()
    quantiles = bundle.quantiles(rows, CHECKED_LEVELS)
    return levels.level_coverage(answered.take(newest), quantiles)


def _groups(
    bundle: Bundle, vectors: Vectors, answered: MatchedPredictions
) -> tuple[GroupCoverage, ...]:
    """Coverage of the intervals by what the features say of the work: its actor, kind and scope."""
    if isinstance(bundle.question, Probability):
        return ()
    newest, rows = _newest(bundle, vectors)
    labels = groups.group_labels(bundle.plan, rows)
    return groups.group_coverage(answered.take(newest), labels, bundle.question.coverage)


def _newest(bundle: Bundle, vectors: Vectors) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Positions and features of the newest answers whose features are on the ledger."""
    width = len(bundle.plan.names)
    newest = np.flatnonzero(vectors.widths == width)[-LEVEL_ROWS:]
    chosen = np.zeros(len(vectors.sent), dtype=np.bool_)
    chosen[newest] = True
    return newest, vectors.rows(chosen, width)


def answered_of(vectors: Vectors, spec: ModelSpec, at: datetime) -> MatchedPredictions:
    """Join the ledger's answers with what is known of them."""
    frame = vectors.requests
    came = columns.measure(frame, [spec.question.of]).table[:, 0]
    known_at = frame["known_at"].to_numpy(dtype=np.int64)
    as_of = frame["as_of"].to_numpy(dtype=np.int64)
    actual = np.where(known_at != NO_INSTANT, came, np.nan)
    delay = np.maximum(np.where(known_at != NO_INSTANT, known_at, as_of) - as_of, 0) / 1e6
    return MatchedPredictions(
        as_of_us=as_of,
        prediction=frame["prediction"].to_numpy(dtype=np.float64),
        actual=actual,
        low=frame["low"].to_numpy(dtype=np.float64),
        high=frame["high"].to_numpy(dtype=np.float64),
        age_s=(to_us(at) - as_of) / 1e6,
        delay_s=np.where(np.isfinite(actual), delay, np.nan),
    )


def _edges(spec: ModelSpec, at: datetime, window_s: float) -> list[datetime]:
    count = spec.performance.windows
    return [at - timedelta(seconds=window_s * back) for back in range(count, -1, -1)]


def _support(
    vectors: Vectors, known: "reference.Reference | None", plan: FeaturePlan
) -> FeatureSupport | None:
    if known is None or not len(vectors.sent):
        return None
    names, categories = plan.names, tuple(category.name for category in plan.categories)
    whole = vectors.widths == len(names)
    rows = np.full((len(whole), len(names)), np.nan, dtype=np.float32)
    rows[whole] = vectors.rows(whole, len(names))
    taught = known.drawn(names, reference.MOST_ROWS).values
    return FeatureSupport(names, taught, rows, categories)


def _floors(
    spec: ModelSpec,
    bundle: Bundle,
    measured: tuple[WindowPerformance, ...],
    answered: MatchedPredictions,
) -> tuple[FloorVerdict, ...]:
    """Each on the newest outcomes, of as many windows as it takes to have enough."""
    least, verdicts = spec.performance.least_labels, []
    for bound in floor.floors(spec, bundle.description["scores"]):
        rests_on = windows.together(measured, floor.least_for(bound.score, least))
        came = _realised(rests_on, answered, spec)
        labels, scores = (came.labels, came.scores) if came else (0, {})
        verdict = floor.judge(bound, scores.get(bound.score), labels, least, len(rests_on))
        verdicts.append(verdict)
    return tuple(verdicts)


def _realised(
    rests_on: Sequence[WindowPerformance], answered: MatchedPredictions, spec: ModelSpec
) -> RealisedScores | None:
    if len(rests_on) < 2:
        return rests_on[0].realised if rests_on else None
    mine = answered.between(rests_on[0].first_us, rests_on[-1].last_us)
    return realise(mine, answered, is_probability=spec.is_probability)


def _score_regression(
    store: Store, spec: ModelSpec, version: str, mine: Sequence[WindowPerformance]
) -> tuple[Regression, ...]:
    """mine: the version's windows up to the one to be judged; none where there is none."""
    if not mine:
        return ()
    points = [*_before(store, spec, version, mine), *(_point(spec, window) for window in mine)]
    rule = spec.performance
    name = regression.name_of_loss(spec.select_by)
    return (regression.detect(name, points[-1], points[:-1], rule.least_labels, rule.worse_by),)


def _point(spec: ModelSpec, window: WindowPerformance) -> WindowLoss:
    score = window.realised.scores.get(spec.select_by)
    if score is None:
        return WindowLoss(float("nan"), window.realised.labels)
    value = regression.as_loss(spec.select_by, score.value)
    error = regression.standard_error(score.low, score.high)
    return WindowLoss(value, window.realised.labels, error)


def _before(
    store: Store, spec: ModelSpec, version: str, mine: Sequence[WindowPerformance]
) -> list[WindowLoss]:
    """Windows of the same length that other versions answered before this one, oldest first, as
    they were found at the last look at each; of those that overlap the newest."""
    rule, newest = spec.performance, mine[-1]
    until = from_us(next(w.first_us for w in mine if w.realised.labels >= rule.least_labels))
    length = timedelta(microseconds=newest.last_us - newest.first_us)
    since = from_us(newest.last_us) - rule.windows * length
    with store.begin() as connection:
        subject = (spec.name, version)
        results = queries.of_others(connection, subject, spec.select_by, since, until)
    points: list[WindowLoss] = []
    for result in results:
        is_ripe = (result.maturity or 0.0) >= windows.RIPE and result.labelled >= rule.least_labels
        if (
            is_ripe
            and result.window_to <= until
            and result.window_to - result.window_from == length
        ):
            points.append(_stored_point(spec, result))
            until = result.window_from
    return points[::-1]


def _stored_point(spec: ModelSpec, result: PerformanceResult) -> WindowLoss:
    loss = regression.as_loss(spec.select_by, result.value)
    if result.low is None or result.high is None:
        return WindowLoss(loss, result.labelled)
    error = regression.standard_error(result.low, result.high)
    return WindowLoss(loss, result.labelled, error)


def _latency_regressions(
    store: Store, spec: ModelSpec, edges: list[datetime]
) -> tuple[Regression, ...]:
    latency_of = answers.latencies(store, spec.name, edges)
    newest, rule = len(edges) - 2, spec.performance
    if newest not in latency_of:
        return ()
    before = [latency_of[place] for place in range(newest) if place in latency_of]
    now = latency_of[newest]
    least, by = rule.least_labels, rule.worse_by
    p50 = [WindowLoss(one.p50_ms, one.answers, one.p50_error_ms) for one in (*before, now)]
    p95 = [WindowLoss(one.p95_ms, one.answers, one.p95_error_ms) for one in (*before, now)]
    return (
        regression.detect("latency p50, ms", p50[-1], p50[:-1], least, by),
        regression.detect("latency p95, ms", p95[-1], p95[:-1], least, by),
    )


def _mature_until(answered: MatchedPredictions, at: datetime) -> datetime | None:
    after_s = maturity.delays(answered).mature_after_s()
    return at - timedelta(seconds=after_s) if np.isfinite(after_s) else None


def _note(measured: tuple[WindowPerformance, ...], spec: ModelSpec) -> str:
    if not measured:
        return (
            "The ledger holds no answer of this version in these windows, but for work that"
            f" taught it; `runlore score {spec.name} --since …` answers for a log."
        )
    return ""


def _leave(
    store: Store,
    registry: "Registry",
    spec: ModelSpec,
    ref: "VersionRef",
    outcome: PerformanceOutcome,
    reports: Path,
) -> PerformanceOutcome:
    """Write the plot to its folder and the run, and store the scores and the anomaly."""
    unit = spec.question.unit if isinstance(spec.question, Quantity) else ""
    line = next((v.floor for v in outcome.floors if v.floor.score == spec.select_by), None)
    until_us = to_us(outcome.mature_until) if outcome.mature_until else None
    made = plots.over_time(outcome.windows, spec.select_by, unit, until_us, line)
    path = reports / spec.name / f"performance-v{ref.version}-{outcome.at:%Y%m%dT%H%M%SZ}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    made.savefig(path, dpi=plots.DPI)
    registry.attach(ref.run_id, path, ARTIFACTS)
    broken = [verdict.reason for verdict in outcome.floors if verdict.answer == "below"]
    broken += [verdict.reason for verdict in outcome.regressions if verdict.answer == "regressed"]
    change = record.record(store, outcome, broken, path, is_conclusive=outcome.is_answerable)
    return replace(outcome, plot=path, anomaly=change)


def because_of_performance(outcome: PerformanceOutcome) -> RetrainingCause | None:
    """Build the cause of a retraining from a broken floor, at most one per window length.

    Judged windows end when one looks: those that end in the same length, counted from 1970, are
    one cause.
    """
    if not outcome.is_below_floor or outcome.judged is None:
        return None
    below = [verdict.reason for verdict in outcome.floors if verdict.answer == "below"]
    length_us = outcome.judged.last_us - outcome.judged.first_us
    number = outcome.judged.last_us // length_us
    cause = f"version {outcome.version}, window {number} of {length_us / 1e6:g} s"
    evidence = {"version": outcome.version, "reasons": below}
    return RetrainingCause(
        "performance", getuser(), "; ".join(below)[:LONGEST_REASON], evidence, cause
    )
