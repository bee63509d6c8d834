"""Security: what rules find about addresses, users and hosts, with the evidence."""

from datetime import timedelta

from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from runlore.advice.actions.security import SecurityQuery, find_incidents
from runlore.advice.actions.security_rule_files import load_rules
from runlore.advice.rules.security.rule import LEVELS
from runlore.advice.security_views import SecurityIncidentView, show_incident
from runlore.kernel.errors import BadInput

PATH = "/console/security"
DAYS = {"1": "a day", "7": "a week", "30": "30 days", "90": "90 days"}
ROWS, DRAWN = 50, 20


def show_security(request: PageRequest) -> Shown:
    days = request.query.get("days", "") or "7"
    level = request.query.get("level", "") or "low"
    if days not in DAYS:
        raise BadInput(f"days: {days[:80]!r} is none of {', '.join(DAYS)}", "days")
    if level not in LEVELS:
        raise BadInput(f"level: {level[:80]!r} is none of {', '.join(LEVELS)}", "level")
    at, settings = request.at, request.product.settings
    rules = load_rules(settings.sigma_rules)
    least = next(one for one in LEVELS if one == level)
    query = SecurityQuery(at - timedelta(days=int(days)), at, settings.alarms_a_week, least)
    found = find_incidents(request.store, rules, query)
    rows = [show_incident(one) for one in found.incidents[:ROWS]]
    values = {
        "rows": rows,
        "count": len(found.incidents),
        "is_cut": found.is_cut,
        "events": found.events,
        "rules": len(rules.rules),
        "refused": rules.refused,
        "days": days,
        "spans": DAYS,
        "level": level,
        "levels": LEVELS,
        "chart": _chart(rows[:DRAWN]),
    }
    return Shown("security/security.html", values)


def _chart(rows: list[SecurityIncidentView]) -> Chart | None:
    """How many events each alert has, the newest first."""
    if not rows:
        return None
    names = [f"{at + 1}: {row.cause_kind} {row.cause[:30]}" for at, row in enumerate(rows)]
    counts = ChartSeries("events", names, [float(row.events) for row in rows], style="bars")
    return Chart("How many events?", "cause", "events", (counts,), is_lying=True)


PAGE = ConsolePage("Security", 93, PATH, (PageRoute("GET", PATH, show_security),), group="Advice")
