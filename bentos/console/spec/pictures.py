"""The charts of a spec's page, as data."""

from collections.abc import Mapping, Sequence
from typing import Any

from bentos.console.frame.charts import Chart, ChartSeries
from runlore.kernel.readable import IN_SECONDS, MINUTE_S
from runlore.models.score_names import display
from runlore.monitoring.actions.drift_history import WindowRecord
from runlore.monitoring.rules.before_after import BeforeAfter
from runlore.performance.queries import PerformanceResult
from runlore.performance.rules.reliability import ReliabilityGroup
from runlore.reports.actions.overview import SpecWatch
from runlore.rollout.queries.rollouts import RecordedDecision
from runlore.specs.model_spec import ModelSpec

MOST_FEATURES = 15
PERCENT = 100.0
NAMES = {"realised": "measured", "estimated": "estimated, before outcomes are known"}
BEST_KNOWN = ("mae", "auc")


def scores_over_time(watch: SpecWatch, spec: ModelSpec, unit: str) -> Chart | None:
    """The score that people know best, window by window; None before any look."""
    known = {result.score for result in watch.scores}
    score = next((name for name in (*BEST_KNOWN, spec.select_by) if name in known), None)
    if score is None:
        return None
    scale, shown = _scale(unit) if score == "mae" else (1.0, "")
    parts = {
        source: sorted(
            (r for r in watch.scores if r.source == source and r.score == score),
            key=lambda result: result.window_to,
        )
        for source in NAMES
    }
    measured = [
        _course(NAMES[source], results, scale, number)
        for number, (source, results) in enumerate(parts.items(), start=1)
        if results
    ]
    name = display(score) + (f", {shown}" if shown else "")
    caption = "By window of predictions, with 95 % intervals."
    return Chart(
        f"{display(score)[0].upper()}{display(score)[1:]} over time",
        "end of window",
        name,
        tuple(measured),
        caption,
    )


def coverage(description: Mapping[str, Any]) -> Chart | None:
    """Whether intervals hold as often as they say; None where the version has none."""
    levels = description.get("coverage") or []
    if not levels:
        return None
    said = [float(level["level"]) for level in levels]
    came = [level["share"] for level in levels]
    series = ChartSeries(
        "came true",
        said,
        [ends["value"] for ends in came],
        [ends["low"] for ends in came],
        [ends["high"] for ends in came],
        "points",
    )
    perfect = ChartSeries("as said", [0.0, 1.0], [0.0, 1.0], style="dashes", colour=5)
    return Chart(
        "Is the uncertainty what it says?",
        "quantile said",
        "share of outcomes below",
        (series, perfect),
        "On the line, outcomes stay below a predicted quantile as often as it says.",
        is_percent=True,
        y_range=(0.0, 1.0),
        is_square=True,
    )


def importance(description: Mapping[str, Any], spec: ModelSpec) -> Chart | None:
    """By how much the score gets worse without each feature."""
    features = sorted(description.get("importance") or [], key=lambda one: -one["mean"])
    features = features[:MOST_FEATURES]
    if not features:
        return None
    series = ChartSeries(
        "importance",
        [feature["feature"] for feature in features],
        [feature["mean"] for feature in features],
        [feature["mean"] - feature["sd"] for feature in features],
        [feature["mean"] + feature["sd"] for feature in features],
        "bars",
    )
    loss = f"loss in {display(spec.select_by)}"
    return Chart(
        "What matters most",
        "feature",
        loss,
        (series,),
        "How much worse the version gets when the values of a feature are shuffled.",
        is_lying=True,
    )


def drift_over_time(records: Sequence[WindowRecord]) -> Chart | None:
    """The share of features that drifted, window by window."""
    if not records:
        return None
    ordered = sorted(records, key=lambda record: record.window.window_to)
    ends = [record.window.window_to for record in ordered]
    share = [record.verdict.drifted_share for record in ordered]
    limit = [record.verdict.threshold for record in ordered]
    since = ordered[0].window.window_from
    return Chart(
        "Share of features that moved",
        "end of window",
        "share, by weight",
        (
            ChartSeries("moved", ends, share, style="points"),
            ChartSeries(
                "counts as drift from here on",
                [since, *ends],
                [limit[0], *limit],
                style="dashes",
                colour=2,
            ),
        ),
        "Compared with what the version was trained on.",
        is_percent=True,
        y_range=(0.0, 1.0),
    )


def ramp(history: Sequence[RecordedDecision]) -> Chart | None:
    """The challenger's share of traffic over the rollout."""
    if not history:
        return None
    series = ChartSeries(
        "challenger",
        [decision.at for decision in history],
        [decision.step / PERCENT for decision in history],
        style="steps",
    )
    title = "The challenger's share of traffic"
    return Chart(title, "time", "share", (series,), is_percent=True, y_range=(0.0, 1.05))


def _course(
    name: str, results: Sequence[PerformanceResult], scale: float, colour: int
) -> ChartSeries:
    return ChartSeries(
        name,
        [result.window_to for result in results],
        [result.value * scale for result in results],
        [None if result.low is None else result.low * scale for result in results],
        [None if result.high is None else result.high * scale for result in results],
        "points",
        colour,
    )


def _scale(unit: str) -> tuple[float, str]:
    """Lengths of time in minutes, which people read; other units as they are."""
    if unit in IN_SECONDS:
        return IN_SECONDS[unit] / MINUTE_S, "min"
    return 1.0, unit


def reliability(groups: Sequence[ReliabilityGroup]) -> Chart | None:
    """Whether probabilities are what comes; None while no outcome is known."""
    if not groups:
        return None
    end = min(1.0, 1.1 * max(max(g.said, g.came) for g in groups))
    came = ChartSeries(
        "came true",
        [group.said for group in groups],
        [group.came for group in groups],
        [group.low for group in groups],
        [group.high for group in groups],
        "points",
    )
    perfect = ChartSeries("as said", [0.0, end], [0.0, end], style="dashes", colour=5)
    rows = sum(group.rows for group in groups)
    return Chart(
        "Is the probability what comes?",
        "predicted",
        "share that happened",
        (came, perfect),
        f"{rows:,} answers with known outcomes, in {len(groups)} groups; on the line, what is"
        " predicted is what comes.",
        is_percent=True,
        y_range=(0.0, end),
        is_square=True,
    )


def before_after(columns: Sequence[BeforeAfter]) -> list[Chart]:
    """A chart of each column: shares of rows in the training and in the newest window."""
    return [
        Chart(
            column.name,
            "value",
            "share of executions",
            (
                ChartSeries("training", column.labels, column.before, style="bars", colour=5),
                ChartSeries("newest window", column.labels, column.after, style="bars", colour=2),
            ),
            "Before and after.",
            is_percent=True,
        )
        for column in columns
    ]
