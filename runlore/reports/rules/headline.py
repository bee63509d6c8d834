"""A report in a few sentences. Pure: the same document gives the same words."""

import math
from collections.abc import Iterator, Sequence

from runlore.kernel.readable import readable_number, readable_quantity, readable_share
from runlore.reports.rules.document import (
    DecisionRow,
    ForecastRow,
    PeriodView,
    ReportFigure,
)

Figures = Sequence[ReportFigure]
FEW = 10


def figure_text(value: float | None, unit: str) -> str:
    """A number of a report with its unit.

    >>> figure_text(0.0312, "share"), figure_text(1234.0, ""), figure_text(12.25, "h")
    ('3.1 %', '1,234', '12.2 h')
    >>> figure_text(8.5, "EUR"), figure_text(None, "h")
    ('8.50 EUR', 'unknown')
    """
    if value is None or not math.isfinite(value):
        return "unknown"
    if unit == "share":
        return readable_share(value)
    if unit == "":
        return readable_number(value)
    if unit == "h":
        return f"{value:,.1f} h" if abs(value) < 1000 else f"{value:,.0f} h"
    return f"{value:,.2f} {unit}" if abs(value) < 10_000 else f"{value:,.0f} {unit}"


def score_text(value: float | None, unit: str) -> str:
    """A score: an error in its unit, others to three digits.

    >>> score_text(0.7446, ""), score_text(4260.0, "s"), score_text(None, "")
    ('0.745', '71 min', 'unknown')
    """
    if value is None or not math.isfinite(value):
        return "unknown"
    return readable_quantity(value, unit) if unit else f"{value:.3f}"


def headline(
    period: PeriodView, figures: Figures, forecast: Sequence[ForecastRow],
    decisions: Sequence[DecisionRow],
) -> list[str]:  # fmt: skip
    """What an executive reads first."""
    by_name = {figure.name: figure for figure in figures}
    if not by_name["executions"].value:
        return [f"No execution was submitted from {period.first} to {period.last} ({period.zone})."]
    return [
        _work(by_name),
        *_changes(figures),
        *_cost(by_name),
        *_foreseen(by_name),
        *_expected(forecast),
        _decisions(decisions),
    ]


def _work(figures: dict[str, ReportFigure]) -> str:
    executions, failed, rate = (figures[n] for n in ("executions", "failed", "failure_rate"))
    text = f"{figure_text(executions.value, '')} executions were submitted"
    if math.isnan(rate.value):
        return f"{text}; none has ended yet."
    return (
        f"{text}; {figure_text(failed.value, '')} failed, {figure_text(rate.value, 'share')} of"
        " those that ended."
    )


def _changes(figures: Figures) -> Iterator[str]:
    """Only changes beyond chance are told; that there is none is told as well."""
    changed = [figure for figure in figures if figure.change in ("up", "down")]
    if changed:
        parts = [
            f"{figure.title.lower()} {figure.change} from {figure_text(figure.before, figure.unit)}"
            f" to {figure_text(figure.value, figure.unit)}"
            for figure in changed
        ]
        yield f"Changed beyond chance: {'; '.join(parts)}."
        return
    if all(figure.change == "unknown" for figure in figures):
        reason = figures[0].not_compared
        yield f"Nothing can be said of a change: {reason}."
        return
    yield "Nothing has changed beyond chance since the period before."


def _cost(figures: dict[str, ReportFigure]) -> Iterator[str]:
    cost, failed = figures["cost"], figures["failed_cost"]
    hours = figures["failed_hours"]
    if not math.isnan(cost.value):
        yield (
            f"The work cost {figure_text(cost.value, cost.unit)}, of which"
            f" {figure_text(failed.value, failed.unit)} went into work that failed."
        )
    elif hours.value:
        yield f"{figure_text(hours.value, 'h')} of running went into work that failed."


def _foreseen(figures: dict[str, ReportFigure]) -> Iterator[str]:
    foreseen = figures["foreseen"]
    if math.isnan(foreseen.value):
        return
    share, money = figures["foreseen_share"], figures["avoidable_cost"]
    text = f"{figure_text(foreseen.value, '')} failures were foreseen"
    if not math.isnan(share.value):
        text += f", {figure_text(share.value, 'share')} of those with an answer"
    text += f"; {figure_text(figures['avoidable_hours'].value, 'h')} of running"
    if not math.isnan(money.value):
        text += f", or {figure_text(money.value, money.unit)}"
    yield f"{text}, could at most have been saved."


def _expected(forecast: Sequence[ForecastRow]) -> Iterator[str]:
    known = [row for row in forecast if not row.unknown]
    if known:
        row = known[0]
        ends = dict.fromkeys(figure_text(end, row.unit) for end in (row.low, row.high))
        yield f"Expected next: {' to '.join(ends)} {row.title.lower()}."


def _decisions(decisions: Sequence[DecisionRow]) -> str:
    if not decisions:
        return "Nothing waits for a decision."
    count = len(decisions)
    return f"{count} {'thing waits' if count == 1 else 'things wait'} for a decision."
