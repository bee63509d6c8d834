"""The alerts with their histories, and silences."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from math import isfinite
from typing import get_args

from bentos.console.causes.page import causes_link
from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.filters import address, number_filter, text_filter
from bentos.console.frame.page import ConsolePage, Moved, PageRequest, PageRoute, Shown
from runlore.alerts.actions import handling
from runlore.alerts.actions.handling import AlertView
from runlore.alerts.queries.alerts import AlertQuery, Standing
from runlore.alerts.rules.state import Silence
from runlore.kernel.errors import BadInput

PATH, SILENCES = "/console/alerts", "/console/silences"
OF_FAILURES = {"incident", "regression", "error-budget", "health", "anomaly", "performance"}
ROWS = 50
LONGEST_SILENCE_H = 8784.0
LEAST_ALERTS, LEAST_DAYS, MOST_DAYS = 10, 2, 366  # of a picture


def show_alerts(request: PageRequest) -> Shown:
    standing, kind = _standing(request), text_filter(request.query, "kind")
    before = number_filter(request.query, "before")
    query = AlertQuery(standing, kind, text_filter(request.query, "subject"), before, ROWS)
    found = handling.overview(request.store, query, request.at)
    filters = {name: request.query.get(name, "") for name in ("state", "kind", "subject")}
    older = ""
    if len(found.alerts) == ROWS:
        older = address(PATH, filters, before=str(found.alerts[-1].alert.id))
    values = {
        "views": found.alerts,
        "silences": found.silences,
        "undelivered": found.trouble,
        "standing": standing,
        "standings": get_args(Standing),
        "filters": filters,
        "is_filtered": bool(filters["kind"] or filters["subject"]),
        "is_first": before is None,
        "older": older,
        "counts": Counter(view.state for view in found.alerts).most_common(),
        "chart": _chart(found.alerts),
    }
    return Shown("alerts/alerts.html", values)


def show_alert(request: PageRequest) -> Shown:
    view = handling.show(request.store, request.number("id"), request.at)
    alert = view.alert
    causes = causes_link(alert.since, alert.resolved_at) if alert.kind in OF_FAILURES else ""
    return Shown("alerts/alert.html", {"view": view, "alert": alert, "causes": causes})


def acknowledge_alert(request: PageRequest) -> Moved:
    number, note = request.number("id"), request.line("reason")
    alert = handling.acknowledge(request.store, number, request.actor(), note, request.at)
    return Moved(_back(request), f"Alert {alert.id} is acknowledged.")


def close_alert(request: PageRequest) -> Moved:
    number, note = request.number("id"), request.line("reason")
    alert = handling.close(request.store, number, request.actor(), note, request.at)
    return Moved(_back(request), f"Alert {alert.id} is resolved.")


def silence_alerts(request: PageRequest) -> Moved:
    """Hold back the messages of the alerts that two patterns match."""
    until = request.at + timedelta(hours=_hours(request))
    kind, subject = (request.line(name) for name in ("kind", "subject"))
    new = Silence(0, kind, subject, until, request.actor(), request.line("reason"), request.at)
    made = handling.silence(request.store, new)
    return Moved(PATH, f"Silence {made.id} holds until {made.until:%Y-%m-%d %H:%M} UTC.")


def end_silence(request: PageRequest) -> Moved:
    ended = handling.unsilence(request.store, request.number("id"), request.actor(), request.at)
    return Moved(PATH, f"Silence {ended.id} is over.")


def _standing(request: PageRequest) -> Standing:
    text = request.query.get("state", "") or "open"
    known: tuple[Standing, ...] = get_args(Standing)
    for standing in known:
        if text == standing:
            return standing
    raise BadInput(f"state: {text[:80]!r} is none of {', '.join(known)}", "state")


def _back(request: PageRequest) -> str:
    """The page that the form was on."""
    back = request.form.get("back", "/")
    return back if back in ("/", PATH) else f"{PATH}/{request.number('id')}"


def _hours(request: PageRequest) -> float:
    text = request.line("hours")
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not (isfinite(hours) and 0 < hours <= LONGEST_SILENCE_H):
        raise BadInput(f"hours: {text[:80]!r} is not above 0 and at most 8784", "hours")
    return hours


def _chart(views: Sequence[AlertView]) -> Chart | None:
    """How many alerts of the list were opened on each day."""
    opened = Counter(view.alert.opened_at.date() for view in views)
    if len(views) < LEAST_ALERTS or len(opened) < LEAST_DAYS:
        return None
    first, last = min(opened), max(opened)
    days = [first + timedelta(days=day) for day in range(min((last - first).days + 1, MOST_DAYS))]
    counts = [float(opened[day]) for day in days]
    series = ChartSeries("opened", [day.isoformat() for day in days], counts, style="bars")
    return Chart("When were they opened?", "day, UTC", "alerts", (series,))


PAGE = ConsolePage(
    "Alerts",
    20,
    PATH,
    (
        PageRoute("GET", PATH, show_alerts),
        PageRoute("GET", f"{PATH}/{{id}}", show_alert),
        PageRoute("POST", f"{PATH}/{{id}}/acknowledge", acknowledge_alert, "record"),
        PageRoute("POST", f"{PATH}/{{id}}/close", close_alert, "record"),
        PageRoute("POST", SILENCES, silence_alerts, "record"),
        PageRoute("POST", f"{SILENCES}/{{id}}/end", end_silence, "record"),
    ),
)
