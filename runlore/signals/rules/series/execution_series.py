"""Series made from executions: their names, and which steps are computed together."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SETTLING = {HOUR: timedelta(minutes=10), DAY: timedelta(hours=1)}  # for outcomes reported late
HOURLY = {
    "executions": "executions_per_hour",
    "failure_rate": "failure_rate",
    "duration_p50": "duration_p50_seconds",
    "duration_p95": "duration_p95_seconds",
    "wait_p50": "wait_p50_seconds",
    "wait_p95": "wait_p95_seconds",
    "cost": "cost_per_hour",
    "memory_p95": "peak_memory_p95_bytes",
}
DAILY = {
    "executions": "executions_per_day",
    "cost": "cost_per_day",
} | {
    measure: f"daily_{name}"
    for measure, name in HOURLY.items()
    if measure not in {"executions", "cost"}
}


def measures_of(step: timedelta) -> dict[str, str]:
    """The name of the series by measure, for hours or days."""
    return HOURLY if step == HOUR else DAILY


def series_suffix(dimension: str, label: str) -> str:
    r"""The labels of a series, as Prometheus writes them.

    >>> series_suffix("kind", 'a"b'), series_suffix("", "")
    ('{kind="a\\"b"}', '')
    """
    if not dimension:
        return ""
    escaped = label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'{{{dimension}="{escaped}"}}'


def floor_step(at: datetime, step: timedelta) -> datetime:
    """The beginning of the hour or day, UTC, that an instant is in."""
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return day if step == DAY else at.replace(minute=0, second=0, microsecond=0)


def step_runs(
    steps: Sequence[datetime], step: timedelta, longest: int
) -> Iterator[tuple[datetime, datetime]]:
    """Runs [since, until) of ascending steps that follow each other, of at most `longest` steps.

    >>> days = [datetime(2026, 1, day) for day in (1, 2, 4)]
    >>> [(since.day, until.day) for since, until in step_runs(days, DAY, 10)]
    [(1, 3), (4, 5)]
    """
    start = previous = None
    for at in steps:
        if start is not None and previous is not None:
            if at - previous <= step and at - start < longest * step:
                previous = at
                continue
            yield start, previous + step
        start = previous = at
    if start is not None and previous is not None:
        yield start, previous + step
