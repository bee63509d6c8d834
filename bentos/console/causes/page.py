"""Causes: why failures rose, or that it is not known."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.filters import (
    address,
    since_filter,
    text_filter,
    until_filter,
)
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from runlore.advice.actions.causes import CauseQuestion, find_causes
from runlore.advice.cause_views import CauseView, SuspectView, show_causes
from runlore.kernel.errors import NotFound

PATH, EXECUTIONS = "/console/causes", "/console/executions"
LONGEST_NAME = 60  # of a value in the chart
SHORTEST = timedelta(hours=1)


def show_page(request: PageRequest) -> Shown:
    question = _question(request)
    try:
        view = show_causes(find_causes(request.store, question))
        missing = ""
    except NotFound as error:
        view, missing = None, str(error)
    values = {
        "view": view,
        "missing": missing,
        "query": {name: request.query.get(name, "") for name in FIELDS},
        "chart": None if view is None else _chart(view.suspects),
        "failed_link": "" if view is None else _failed(view),
    }
    return Shown("causes/causes.html", values)


FIELDS = ("kind", "scope", "execution", "source", "since", "until")


def causes_link(since: datetime, until: datetime | None, *, kind: str = "", scope: str = "") -> str:
    """The page about a period. until: None is now; at least an hour after `since`."""
    ends = {} if until is None else {"until": max(until, since + SHORTEST).isoformat()}
    return address(PATH, {"kind": kind, "scope": scope, "since": since.isoformat(), **ends})


def _question(request: PageRequest) -> CauseQuestion:
    query = request.query
    return CauseQuestion(
        request.at,
        text_filter(query, "kind"),
        text_filter(query, "scope"),
        text_filter(query, "execution"),
        since_filter(query),
        until_filter(query),
        text_filter(query, "source"),
    )


def _chart(suspects: Sequence[SuspectView]) -> Chart | None:
    """Failure rates with each value and without it, and their intervals."""
    if not suspects:
        return None
    names = [one.text[:LONGEST_NAME] for one in suspects]
    with_it = ChartSeries(
        "with the value",
        names,
        [one.rate for one in suspects],
        [one.low for one in suspects],
        [one.high for one in suspects],
        "bars",
        4,
    )
    without = ChartSeries(
        "without it",
        names,
        [one.without_rate for one in suspects],
        [one.without_low for one in suspects],
        [one.without_high for one in suspects],
        "bars",
        1,
    )
    return Chart(
        "Who failed more in the period?",
        "value",
        "failed",
        (with_it, without),
        "Shares of executions that failed, with intervals of 95 %.",
        is_percent=True,
        is_lying=True,
    )


def _failed(view: CauseView) -> str:
    filters = {"kind": view.kind or "", "scope": view.scope or ""}
    period = {"since": view.since.isoformat(), "until": view.until.isoformat()}
    return address(EXECUTIONS, filters, status="failed", **period)


PAGE = ConsolePage("Causes", 91, PATH, (PageRoute("GET", PATH, show_page),), group="Advice")
