"""Pictures of executions: how long those of a list took, and one beside like ones."""

from collections.abc import Iterable, Sequence

from bentos.console.executions.rows import JudgedAnswer, ListedExecution
from bentos.console.frame.charts import Chart, ChartSeries
from runlore.kernel.readable import scaled_quantity
from runlore.serving.actions import execution_story
from runlore.serving.actions.execution_story import ExecutionStory

COLOURS = {"succeeded": 3, "failed": 6}
OTHER = 5
LEAST_POINTS = 2


def found(rows: Sequence[ListedExecution]) -> Chart | None:
    """How long the executions of a list took, by how they ended."""
    known = [(row.execution, row.took_s) for row in rows if row.took_s is not None]
    if len(known) < LEAST_POINTS:
        return None
    unit, unit_s = _unit(took_s for _, took_s in known)
    series = []
    for status in dict.fromkeys(execution.status for execution, _ in known):
        mine = [(e.submitted, took / unit_s) for e, took in known if e.status == status]
        at, took = zip(*mine, strict=True)
        series.append(
            ChartSeries(status, at, took, style="points", colour=COLOURS.get(status, OTHER))
        )
    title = "How long did they take?"
    return Chart(title, "submitted", f"duration, {unit}", tuple(series))


def like_ones(
    story: ExecutionStory, took_s: float | None, answers: Sequence[JudgedAnswer]
) -> Chart | None:
    """The durations of like executions, this one, and the last interval predicted for it."""
    lengths = execution_story.outcome_values(story.like, "duration_s")
    pairs = [(row, took) for row, took in zip(story.like, lengths, strict=True) if took is not None]
    rows = [
        judged.answer.row
        for judged in answers
        if judged.answer.question is not None
        and judged.answer.question.of == "duration_s"
        and judged.answer.row["low"] is not None
    ]
    if len(pairs) < LEAST_POINTS:
        return None
    unit, unit_s = _unit([took for _, took in pairs] + ([] if took_s is None else [took_s]))
    series = []
    for status in dict.fromkeys(row.status for row, _ in pairs):
        mine = [(row.submitted, took / unit_s) for row, took in pairs if row.status == status]
        at, took = zip(*mine, strict=True)
        series.append(
            ChartSeries(status, at, took, style="points", colour=COLOURS.get(status, OTHER))
        )
    here = [story.first.submitted]
    if rows:
        value, low, high = ([rows[-1][name] / unit_s] for name in ("prediction", "low", "high"))
        series.append(ChartSeries("predicted", here, value, low, high, "points", 2))
    if took_s is not None:
        series.append(ChartSeries("this one", here, [took_s / unit_s], style="points", colour=1))
    return Chart(
        "Was it like the others?",
        "submitted",
        f"duration, {unit}",
        tuple(series),
        "Executions of the same actor and kind that were known before it.",
    )


def _unit(lengths_s: Iterable[float]) -> tuple[str, float]:
    """The unit in which the middle of these lengths reads well, and its seconds."""
    ordered = sorted(lengths_s)
    size, unit = scaled_quantity(ordered[len(ordered) // 2], "s")
    return unit, size
