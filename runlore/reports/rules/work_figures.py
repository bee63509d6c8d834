"""The numbers of a period's work, out of sums by day and by group. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.reports.rules.change import ALPHA, Compared, DailyValues, verdicts
from runlore.reports.rules.document import (
    NO_PRICE,
    DayRow,
    GroupRow,
    ReportFigure,
    StatusRow,
)
from runlore.reports.rules.request import ReportPrices

Floats = NDArray[np.float64]
HOUR_S = 3600.0
MOST_GROUPS = 12  # of a part, those with the most executions; all are compared
PARTS = ("scope", "kind", "actor")
SUBMITTED = "executions that were submitted in the period"
FAILED = "ended otherwise than with success: failed, cancelled or partial"


@dataclass(frozen=True, eq=False)
class PeriodSums:
    """frame: what `read_days` gives, whose period 0 is the one before and 1 this one.

    days: of both periods. earlier: a row per whole earlier period, the oldest first, with its sums
    and `days`. is_comparable: whether the log covers the whole period before.
    """

    frame: pd.DataFrame
    days: tuple[Sequence[object], Sequence[object]]
    earlier: pd.DataFrame
    not_comparable: str = ""

    def daily(self, column: str, period: int) -> Floats:
        """(days,): the sums of each day, 0 of days without work."""
        rows = self.frame[(self.frame["part"] == "day") & (self.frame["period"] == period)]
        by_day = dict(zip(rows["day"], rows[column], strict=True))
        return np.array([float(by_day.get(day, 0.0)) for day in self.days[period]])

    def total(self, column: str, period: int = 1) -> float:
        return float(self.daily(column, period).sum())

    def compared(self, column: str, of: str | None = None) -> Compared | None:
        """None where the period before is not wholly in the log."""
        if self.not_comparable:
            return None
        pair = [
            DailyValues(self.daily(column, at), None if of is None else self.daily(of, at))
            for at in (1, 0)
        ]
        below = self.earlier["days"] if of is None else self.earlier[of]
        rates = self.earlier[column].astype(float) / below.astype(float).where(below > 0)
        return Compared(pair[0], pair[1], tuple(rates))


def work_figures(
    sums: PeriodSums, prices: ReportPrices
) -> tuple[list[ReportFigure], list[Compared | None]]:
    """Totals of the period, and those of which a change may be said."""
    figures = [
        _total("executions", "Executions", "", sums, "executions", f"{SUBMITTED}"),
        _total("failed", "Failures", "", sums, "failed", f"{SUBMITTED} and {FAILED}"),
        _rate(sums),
        _total("running", "Not finished", "", sums, None, f"{SUBMITTED} and had not ended"),
        _total("run_hours", "Hours of running", "h", sums, "run_s",
               "from start to end, added up over all executions of the period that ended"),
        _total("failed_hours", "Hours spent on failures", "h", sums, "failed_s",
               "the same of those that failed"),
        *_costs(sums, prices),
    ]  # fmt: skip
    return figures, _pairs(sums, prices)


def judged(
    figures: Sequence[ReportFigure],
    pairs: Sequence[Compared | None],
    not_comparable: str = "",
) -> list[ReportFigure]:
    """The figures with what is said of their change; all together share one error."""
    result = []
    for figure, (change, p, why) in zip(figures, verdicts(pairs), strict=True):
        reason = "" if change != "unknown" else not_comparable or why
        result.append(replace(figure, change=change, p_value=p, not_compared=reason))
    return result


def _pairs(sums: PeriodSums, prices: ReportPrices) -> list[Compared | None]:
    cost = "cost" if prices.outcome else "run_s" if prices.hour is not None else None
    return [
        sums.compared("executions"),
        sums.compared("failed"),
        sums.compared("failed", "finished"),
        None,
        sums.compared("run_s"),
        sums.compared("failed_s"),
        sums.compared(cost) if cost else None,
        sums.compared(f"failed_{'cost' if prices.outcome else 's'}") if cost else None,
    ]


def _total(
    name: str, title: str, unit: str, sums: PeriodSums, column: str | None, how: str
) -> ReportFigure:
    size = HOUR_S if unit == "h" else 1.0
    if column is None:
        values = [sums.total("executions", at) - sums.total("finished", at) for at in (1, 0)]
    else:
        values = [sums.total(column, at) / size for at in (1, 0)]
    unmeasured = sums.total("unmeasured") if unit == "h" else 0.0
    more = f"; {unmeasured:,.0f} of unknown length are left out" if unmeasured else ""
    return ReportFigure(name, title, unit, values[0], how + more, values[1])


def _rate(sums: PeriodSums) -> ReportFigure:
    from runlore.plots.style import wilson

    now, before = ((sums.total("failed", at), sums.total("finished", at)) for at in (1, 0))
    how = f"failures among the executions of the period that ended ({now[1]:,.0f})"
    if not now[1]:
        return ReportFigure("failure_rate", "Share that failed", "share", math.nan, how,
                            unknown="no execution of the period has ended")  # fmt: skip
    low, high = wilson(np.array([now[0]]), np.array([now[1]]))
    return ReportFigure(
        "failure_rate",
        "Share that failed",
        "share",
        now[0] / now[1],
        how,
        before[0] / before[1] if before[1] else math.nan,
        low=float(low[0]),
        high=float(high[0]),
    )


def _costs(sums: PeriodSums, prices: ReportPrices) -> list[ReportFigure]:
    """What the work cost, and what its failures did."""
    parts = (("cost", "Cost", "run_s", "cost"),
             ("failed_cost", "Cost of failures", "failed_s", "failed_cost"))  # fmt: skip
    figures = []
    for name, title, seconds, measured in parts:
        if prices.outcome is not None:
            costed = sums.total("costed")
            how = f"outcome {prices.outcome}, added up over {costed:,.0f} executions that have it"
            values = [sums.total(measured, at) for at in (1, 0)]
            unknown = (
                "" if costed else f"no execution of the period has the outcome {prices.outcome}"
            )
        elif prices.hour is not None:
            how = f"hours of running × {prices.hour:g} {prices.currency}"
            values = [sums.total(seconds, at) / HOUR_S * prices.hour for at in (1, 0)]
            unknown = ""
        else:
            how, values, unknown = "hours of running × your price", [math.nan] * 2, NO_PRICE
        value = math.nan if unknown else values[0]
        figures.append(
            ReportFigure(name, title, prices.currency, value, how, values[1], unknown=unknown)
        )
    return figures


def day_rows(sums: PeriodSums) -> list[DayRow]:
    rows = []
    for period in (0, 1):
        columns = [
            sums.daily(name, period) for name in ("executions", "finished", "failed", "run_s")
        ]
        for day, executions, finished, failed, run_s in zip(
            sums.days[period], *columns, strict=True
        ):
            rows.append(
                DayRow(day, period == 0, int(executions), int(finished), int(failed),
                       run_s / HOUR_S)
            )  # fmt: skip
    return rows


def status_rows(sums: PeriodSums) -> list[StatusRow]:
    """How the executions of both periods ended, the most frequent end of this one first."""
    rows = sums.frame[sums.frame["part"] == "how"]
    counts: dict[str, list[int]] = {}
    for how, period, executions in zip(
        rows["how"], rows["period"], rows["executions"], strict=True
    ):
        counts.setdefault(str(how), [0, 0])[int(period)] = int(executions)
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1][1], -entry[1][0], entry[0]))
    return [StatusRow(how, now, before) for how, (before, now) in ordered]


def group_rows(sums: PeriodSums) -> tuple[list[GroupRow], int]:
    """The largest groups of each part, the changed ones first; and how many are left out.

    All groups with enough days are compared, and at most one in twenty of the changes that are
    called so is expected to be false: Benjamini & Hochberg, 1995.
    """
    tested = _group_tests(sums)
    rows: list[GroupRow] = []
    left_out = 0
    for part in PARTS:
        of_part = [row for row in tested if row.part == part]
        of_part.sort(key=lambda row: (row.change in ("no change shown", "unknown"),
                                      -row.executions, row.name))  # fmt: skip
        rows += of_part[:MOST_GROUPS]
        left_out += len(of_part[MOST_GROUPS:])
    return rows, left_out


def _group_tests(sums: PeriodSums) -> list[GroupRow]:
    from scipy.stats import false_discovery_control

    from runlore.reports.rules.change import assess_change

    rows, p_values = [], []
    for part in PARTS:
        frame = sums.frame[sums.frame["part"] == part]
        for name, of_group in frame.groupby(part, sort=True):
            if not (of_group["period"] == 1).any():
                continue
            mine = replace_frame(sums, of_group)
            pair = mine.compared("failed", "finished")
            outcome = None if pair is None else assess_change(replace(pair, earlier=()))
            p_values.append(1.0 if outcome is None or outcome.unknown else outcome.p_value)
            rows.append(_group_row(part, str(name), mine, is_tested=bool(
                outcome and not outcome.unknown)))  # fmt: skip
    if not rows:
        return []
    adjusted = false_discovery_control(p_values)
    return [_with_change(row, float(q)) for row, q in zip(rows, adjusted, strict=True)]


def replace_frame(sums: PeriodSums, of_group: pd.DataFrame) -> PeriodSums:
    """The same periods with the sums of one group alone."""
    return replace(sums, frame=of_group.assign(part="day"))


def _group_row(part: str, name: str, mine: PeriodSums, *, is_tested: bool) -> GroupRow:
    finished, failed = mine.total("finished"), mine.total("failed")
    before = mine.total("finished", 0)
    return GroupRow(
        part=part,
        name=name,
        executions=int(mine.total("executions")),
        finished=int(finished),
        failed=int(failed),
        run_h=mine.total("run_s") / HOUR_S,
        failed_h=mine.total("failed_s") / HOUR_S,
        rate=failed / finished if finished else math.nan,
        rate_before=mine.total("failed", 0) / before if before else math.nan,
        change="no change shown" if is_tested else "unknown",
        p_value=math.nan,
    )


def _with_change(row: GroupRow, q: float) -> GroupRow:
    if row.change == "unknown":
        return row
    if q > ALPHA or row.rate == row.rate_before:
        return replace(row, p_value=q)
    return replace(row, p_value=q, change="up" if row.rate > row.rate_before else "down")
