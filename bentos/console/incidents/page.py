"""Incidents: which series deviate together, since when, and how unlikely that is."""

from collections.abc import Mapping, Sequence
from typing import Any

from bentos.console.causes.page import causes_link
from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.filters import address
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from runlore.kernel.errors import BadInput
from runlore.signals.actions.incident_list import read_incidents

PATH, SERIES_PATH = "/console/incidents", "/console/signals/series"
STATES = ("open", "all")
ROWS, DRAWN = 50, 20
Row = Mapping[str, Any]


def show_incidents(request: PageRequest) -> Shown:
    state = request.query.get("state", "") or "open"
    if state not in STATES:
        raise BadInput(f"state: {state[:80]!r} is none of {', '.join(STATES)}", "state")
    rows = read_incidents(request.store, is_all=state == "all", limit=ROWS)
    values = {
        "rows": rows,
        "links": [[_link(moved) for moved in row["series"]] for row in rows],
        "causes": [_causes(row) for row in rows],
        "open": sum(row["resolved_at"] is None for row in rows),
        "is_cut": len(rows) == ROWS,
        "state": state,
        "states": STATES,
        "chart": _chart(rows[:DRAWN]),
    }
    return Shown("incidents/incidents.html", values)


def _link(moved: Row) -> str:
    return address(SERIES_PATH, {name: moved[name] for name in ("name", "scope", "source")})


def _causes(row: Row) -> str:
    """Why executions failed at that time, on the scope that its series have."""
    scopes = {moved["scope"] for moved in row["series"]}
    scope = row["subject"] if scopes == {row["subject"]} else ""
    return causes_link(row["since"], row["resolved_at"], scope=scope)


def _chart(rows: Sequence[Row]) -> Chart | None:
    """How many series each incident has, the newest first."""
    if not rows:
        return None
    names = [f"{row['id']}: {row['subject'][:40]}" for row in rows]
    counts = ChartSeries("series", names, [float(row["count"]) for row in rows], style="bars")
    return Chart(
        "How many series moved?", "incident", "series that moved", (counts,), is_lying=True
    )


PAGE = ConsolePage(
    "Incidents", 66, PATH, (PageRoute("GET", PATH, show_incidents),), group="Signals"
)
