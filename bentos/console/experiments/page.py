"""The A/B tests, and one of them: what its units say so far, and what a decision waits for."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.page import ConsolePage, Moved, PageRequest, PageRoute, Shown
from runlore.experiments.actions import analysis, lifecycle
from runlore.experiments.actions.analysis import ExperimentStatus
from runlore.experiments.actions.lifecycle import Attribution
from runlore.experiments.queries.experiments import AbTest, RecordedLook
from runlore.experiments.views import report
from runlore.kernel.durations import HOUR_S
from runlore.kernel.errors import NotFound

PATH = "/console/experiments"
MOST_TESTS, MOST_LOOKS = 200, 60
COLOURS = 5


def show_tests(request: PageRequest) -> Shown:
    tests = lifecycle.every(request.store)
    running = sum(test.state == "running" for test in tests)
    values = {"tests": tests[:MOST_TESTS], "count": len(tests), "running": running}
    return Shown("experiments/experiments.html", values)


def show_test(request: PageRequest) -> Shown:
    number = _test_id(request)
    status = analysis.status(request.store, number, request.at)
    _, looks = analysis.looks(request.store, number)
    test, document = status.test, report.status_document(status)
    values = {
        "test": test,
        "document": document,
        "conclusion": report.conclude(status),
        "is_open_book": status.is_open_book,
        "kinds": {metric.name: metric.kind for metric in test.design.metrics},
        "roles": {metric.name: metric.role for metric in test.design.metrics},
        "actions": status.actions,
        "looks": [(look, report.headline(look)) for look in looks[:-MOST_LOOKS:-1]],
        "charts": _charts(status, looks),
    }
    return Shown("experiments/experiment.html", values)


def start_test(request: PageRequest) -> Moved:
    test = lifecycle.start(request.store, _test_id(request), _attribution(request))
    return Moved(_path(test), f"{test.name} runs: units get variants from now on.")


def analyse_test(request: PageRequest) -> Moved:
    number = _test_id(request)
    look = analysis.analyse(request.store, number, Attribution(request.actor(), request.at))
    return Moved(f"{PATH}/{number}", f"{report.headline(look)}.".capitalize())


def stop_test(request: PageRequest) -> Moved:
    test = lifecycle.stop(request.store, _test_id(request), _attribution(request))
    return Moved(_path(test), f"{test.name} is over, without a winner.")


def _charts(status: ExperimentStatus, looks: Sequence[RecordedLook]) -> list[Chart]:
    """Of each metric the difference from the control, look by look; none while it is hidden."""
    if not status.is_open_book:
        return []
    charts = [_chart(status.test, metric.name, looks) for metric in status.test.design.metrics]
    return [chart for chart in charts if chart is not None]


def _chart(test: AbTest, metric: str, looks: Sequence[RecordedLook]) -> Chart | None:
    series = []
    for at, variant in enumerate(test.design.treatments):
        rows = [
            (look.analysis["ran_s"] / HOUR_S, comparison)
            for look in looks[-MOST_LOOKS:]
            for comparison in look.analysis["comparisons"]
            if (comparison["metric"], comparison["variant"]) == (metric, variant)
        ]
        if rows:
            series.append(_course(variant, rows, at % COLOURS + 1))
    if not series:
        return None
    is_anytime = test.design.rule.horizon == "anytime"
    caption = (
        "Intervals hold at all looks at once."
        if is_anytime
        else "Intervals hold at one look, chosen before."
    )
    return Chart(
        f"{metric}: difference from {test.design.control}",
        "hours since the start",
        "difference",
        tuple(series),
        caption,
    )


def _course(variant: str, rows: Sequence[tuple[float, Any]], colour: int) -> ChartSeries:
    return ChartSeries(
        variant,
        [hours for hours, _ in rows],
        [comparison["difference"] for _, comparison in rows],
        [comparison["interval"]["low"] for _, comparison in rows],
        [comparison["interval"]["high"] for _, comparison in rows],
        "line",
        colour,
    )


def _attribution(request: PageRequest) -> Attribution:
    why = request.why()
    return Attribution(why.actor, request.at, why.reason)


def _path(test: AbTest) -> str:
    return f"{PATH}/{test.public_id}"


def _test_id(request: PageRequest) -> UUID:
    try:
        return UUID(request.path["id"])
    except ValueError as error:
        raise NotFound(f"{request.path['id'][:80]!r} is not the id of an A/B test") from error


PAGE = ConsolePage(
    "A/B tests",
    55,
    PATH,
    (
        PageRoute("GET", PATH, show_tests),
        PageRoute("GET", f"{PATH}/{{id}}", show_test),
        PageRoute("POST", f"{PATH}/{{id}}/start", start_test, "record"),
        PageRoute("POST", f"{PATH}/{{id}}/analyse", analyse_test, "record"),
        PageRoute("POST", f"{PATH}/{{id}}/stop", stop_test, "record"),
    ),
)
