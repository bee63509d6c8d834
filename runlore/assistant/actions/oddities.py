"""What is odd now: open incidents, alerts and late data, and how healthy everything is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from runlore.alerts.queries import alerts
from runlore.alerts.queries.alerts import AlertHistoryEntry, AlertQuery
from runlore.alerts.rules.finding import Severity
from runlore.alerts.rules.state import AlertEpisode
from runlore.assistant.actions.context import ToolContext
from runlore.assistant.rules.arguments import OddArguments, now_unless
from runlore.assistant.rules.figures import Figure, ToolAnswer, cut_note
from runlore.assistant.rules.log_text import quote
from runlore.kernel.readable import readable_share
from runlore.signals.actions.health import ScopeHealth, read_health
from runlore.signals.actions.incident_list import MOST, read_incidents

MOST_ALERTS = 500
MOST_SCOPES = 3  # the least healthy
LONGEST = 300


def find_oddities(context: ToolContext, asked: OddArguments) -> ToolAnswer:
    """Open incidents first, then alerts. Raises NotFound for an unknown scope."""
    at = now_unless(asked.as_of, context.now)
    incidents = read_incidents(context.store, limit=MOST, as_of=asked.as_of)
    opened = _alerts(context, asked.as_of)
    if asked.scope is not None:
        incidents = [one for one in incidents if one["subject"] == asked.scope]
        opened = [one for one in opened if _is_of(one, asked.scope)]
    health = read_health(context.store, at, asked.scope)
    scopes = health.scopes if asked.scope else (health.overall, *health.scopes[:MOST_SCOPES])
    odd = [*map(_incident, incidents), *map(_alert, opened)]
    first = (asked.page - 1) * asked.limit
    rows = odd[first : first + asked.limit]
    notes = cut_note(
        "oddities",
        len(rows),
        len(odd) if first + len(rows) < len(odd) else 0,
        f"ask with page={asked.page + 1}, or limit up to 50",
    )
    if len(incidents) == MOST or len(opened) == MOST_ALERTS:
        notes += (f"truncated: only the newest {MOST} incidents and alerts were read",)
    place = f" on {quote(asked.scope)}" if asked.scope else ""
    text = (
        f"{len(incidents)} open incidents and {len(opened)} open alerts{place}."
        if odd
        else f"Nothing is odd{_when(asked)}{place}: no incident and no alert is open."
    )
    lines = [text, *map(_health_line, scopes[:1])]
    figures = [_figure(one, health.as_of) for one in scopes]
    return ToolAnswer(" ".join(lines), health.as_of, figures, rows, notes)


def _when(asked: OddArguments) -> str:
    return " now" if asked.as_of is None else f" as of {asked.as_of:%Y-%m-%d %H:%M %Z}"


def _alerts(context: ToolContext, as_of: datetime | None) -> list[AlertEpisode]:
    """Those open now, or those open at an instant with what their history said by then."""
    with context.store.begin() as connection:
        opened = alerts.read(connection, AlertQuery(limit=MOST_ALERTS, open_at=as_of))
        if as_of is None or not opened:
            return opened
        history = alerts.history(connection, [one.id for one in opened])
    return [_as_known(one, history, as_of) for one in opened]


def _as_known(
    alert: AlertEpisode, history: Sequence[AlertHistoryEntry], as_of: datetime
) -> AlertEpisode:
    known = [one for one in history if one.alert_id == alert.id and one.at <= as_of]
    said = [one.note for one in known if one.actor == alerts.WATCHER and one.note]
    severity = Severity(known[-1].severity) if known else alert.severity
    what = said[-1] if said else f"{alert.kind} of {alert.subject}"
    return replace(alert, severity=severity, what=what, certainty="", advice="")


def _is_of(alert: AlertEpisode, scope: str) -> bool:
    return alert.subject == scope or alert.subject.endswith(f" of {scope}")


def _incident(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "incident": one["id"],
        "scope": quote(one["subject"]),
        "since": one["since"],
        "what": quote(one["what"], LONGEST),
        "certainty": quote(one["certainty"], LONGEST),
        "series": one["count"],
    }


def _alert(one: AlertEpisode) -> dict[str, Any]:
    return {
        "alert": one.id,
        "kind": one.kind,
        "severity": str(one.severity),
        "subject": quote(one.subject),
        "since": one.since,
        "what": quote(one.what, LONGEST),
        "certainty": quote(one.certainty, LONGEST),
        "to do": quote(one.advice, LONGEST),
    }


def _figure(one: ScopeHealth, as_of: Any) -> Figure:  # noqa: ANN401
    name = f"health of {quote(one.scope)}" if one.scope else "health of everything"
    days = max((part.weight.n for part in one.parts), default=0)
    return Figure(name, one.health, "probability", as_of, one.low, one.high, days)


def _health_line(one: ScopeHealth) -> str:
    name = f"Health of {quote(one.scope)}" if one.scope else "Health of everything"
    if one.health is None:
        return f"{name} is unknown: {one.reason}."
    return (
        f"{name}: {readable_share(one.health)} that the next 24 h have no more failures than usual."
    )
