"""Health: the figure of everything or of a scope, its parts with their evidence, and all scopes."""

from collections.abc import Sequence

from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.filters import address, text_filter
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from runlore.signals.actions.health import OVERALL, HealthEvidence, read_health
from runlore.signals.actions.health_watch import read_course
from runlore.signals.health_views import ScopeHealthView, show_health
from runlore.signals.queries.health_readings import HealthReading

PATH, ALERTS = "/console/health", "/console/alerts"
SERIES, EXECUTIONS = "/console/signals/series", "/console/executions"
DRAWN = 20


def show_system_health(request: PageRequest) -> Shown:
    scope = text_filter(request.query, "scope")
    view = show_health(read_health(request.store, request.at, scope))
    one = view.scopes[0] if scope else view.overall
    course = read_course(request.store, scope or OVERALL, request.at)
    charts = [_course_chart(course), None if scope else _scopes_chart(view.scopes[:DRAWN])]
    values = {
        "one": one,
        "parts": [
            (part, [(evidence.what, _link(evidence)) for evidence in part.evidence])
            for part in one.parts
        ],
        "learned": view.scopes_learned if scope else view.overall_learned,
        "scopes": [] if scope else [(each, _scope_link(each)) for each in view.scopes],
        "charts": [chart for chart in charts if chart],
        "path": PATH,
    }
    return Shown("health/health.html", values)


def _scope_link(one: ScopeHealthView) -> str:
    return address(PATH, {"scope": one.scope})


def _link(evidence: HealthEvidence) -> str:
    """Where the console shows it; empty: nowhere."""
    if evidence.alert is not None:
        return ALERTS
    if evidence.series is not None:
        named = {"name": evidence.series, "scope": evidence.scope, "source": evidence.source or ""}
        return address(SERIES, named)
    return address(EXECUTIONS, {"scope": evidence.scope}) if evidence.scope else EXECUTIONS


def _course_chart(course: Sequence[HealthReading]) -> Chart | None:
    known = [one for one in course if one.health is not None]
    if len(known) < 2:
        return None
    line = ChartSeries(
        "health",
        [one.at for one in known],
        [one.health for one in known],
        [one.low for one in known],
        [one.high for one in known],
    )
    title = "How was it before?"
    return Chart(title, "time (UTC)", "health", (line,), is_percent=True, y_range=(0, 1))


def _scopes_chart(scopes: Sequence[ScopeHealthView]) -> Chart | None:
    known = [one for one in scopes if one.health is not None]
    if not known:
        return None
    bars = ChartSeries(
        "health", [one.scope for one in known], [one.health for one in known], style="bars"
    )
    title = "Which scopes are the least healthy?"
    return Chart(title, "scope", "health", (bars,), is_percent=True, y_range=(0, 1), is_lying=True)


PAGE = ConsolePage(
    "Health", 70, PATH, (PageRoute("GET", PATH, show_system_health),), group="Signals"
)
