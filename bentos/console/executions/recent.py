"""Who fails most beyond chance, and what a week cost."""

from datetime import UTC, date, datetime, timedelta

from bentos.console.executions.failing import FailingGroups, failing_groups
from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.filters import address, since_filter, text_filter
from bentos.console.frame.page import PageRequest, Shown
from runlore.kernel.durations import HOUR_S
from runlore.kernel.errors import BadInput
from runlore.reports.actions import recent_work
from runlore.reports.actions.recent_work import CostReport
from runlore.reports.rules.week_costs import DAYS, unit_of

COSTS, FAILURES = "/console/executions/costs", "/console/executions/failures"
SPANS_D = (7, 30, 90)
USUAL_SPAN_D = 30
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS = "hours"


def show_failures(request: PageRequest) -> Shown:
    days = _days(request)
    found = failing_groups(request.store, request.at, days)
    values = {
        "found": found,
        "worse": [one for one in found.groups if one.rate.value > one.rest],
        "days": days,
        "spans": [(span, address(FAILURES, {}, days=str(span))) for span in SPANS_D],
        "chart": _failing(found),
    }
    return Shown("executions/failures.html", values)


def show_costs(request: PageRequest) -> Shown:
    chosen = text_filter(request.query, "measure")
    measure = "" if chosen == HOURS else chosen
    report = recent_work.cost_report(request.store, request.at, measure, _monday(request))
    if measure and measure not in report.measures:
        raise BadInput(f"measure: no recent outcome has a number {measure[:80]!r}", "measure")
    shown = {"measure": report.measure or HOURS}
    weeks = (report.monday - timedelta(days=DAYS), report.monday + timedelta(days=DAYS))
    values = {
        "report": report,
        "week": report.week,
        "unit": unit_of(report.measure) if report.measure else "",
        "is_hours": report.measure is None,
        "sunday": report.monday + timedelta(days=DAYS - 1),
        "measures": [HOURS, *report.measures],
        "shown": shown["measure"],
        "before": address(COSTS, shown, week=weeks[0].isoformat()),
        "after": address(COSTS, shown, week=weeks[1].isoformat()),
        "is_newest": datetime(*weeks[1].timetuple()[:3], tzinfo=UTC) > request.at,
        "chart": _costs(report) if report.week.runs or report.week.runs_before else None,
    }
    return Shown("executions/costs.html", values)


def _days(request: PageRequest) -> int:
    text = text_filter(request.query, "days") or str(USUAL_SPAN_D)
    if text not in map(str, SPANS_D):
        raise BadInput(f"days: {text[:80]!r} is none of {', '.join(map(str, SPANS_D))}", "days")
    return int(text)


def _monday(request: PageRequest) -> date | None:
    """The Monday of the week that the address names."""
    at = since_filter(request.query, "week")
    if at is None:
        return None
    if not 1971 <= at.year <= 9000:
        raise BadInput("week: name a day from 1971 to 9000", "week")
    return at.date() - timedelta(days=at.weekday())


def _failing(found: FailingGroups) -> Chart | None:
    """Of the groups beyond chance, their rates with intervals."""
    if not found.groups:
        return None
    names = [f"{one.part} {one.name}" for one in found.groups]
    rates = [one.rate for one in found.groups]
    series = ChartSeries(
        "share that failed",
        names,
        [rate.value for rate in rates],
        [rate.low for rate in rates],
        [rate.high for rate in rates],
        "bars",
    )
    all_rate = found.failed / found.runs
    return Chart(
        "Who fails more or less often than chance explains",
        "group",
        "share of runs that failed",
        (series,),
        f"With 95 % intervals; of all runs {all_rate:.1%} failed.",
        is_percent=True,
        is_lying=True,
    )


def _costs(report: CostReport) -> Chart:
    """The days of the week beside those of the week before."""
    size = HOUR_S if report.measure is None else 1.0
    week = [float(value) / size for value in report.week.days]
    before = [float(value) / size for value in report.week.before]
    return Chart(
        "Day by day",
        "day, UTC",
        report.measure or "hours of running",
        (
            ChartSeries("the week before", WEEKDAYS, before, style="bars", colour=5),
            ChartSeries("this week", WEEKDAYS, week, style="bars"),
        ),
    )
