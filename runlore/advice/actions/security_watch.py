"""Keep an alert open for each cause of security incidents, from what is new in the log.

What a step costs depends on what is new, on the events within reach of it, and on 90 days of
logins of the users that are in it; once a day the threshold of surprise is learned from all users.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from runlore.advice.queries.security_events import (
    EventQuery,
    has_news,
    merge_events,
    read_events,
    read_new,
    read_touched,
)
from runlore.advice.queries.security_watch import (
    SecurityWatchState,
    read_state,
    write_state,
)
from runlore.advice.rules.security.evaluation import evaluate
from runlore.advice.rules.security.events import CATEGORIES, SecurityEvents
from runlore.advice.rules.security.incidents import SecurityIncident, incidents_of
from runlore.advice.rules.security.rarity import HISTORY_US, threshold_of, with_habits
from runlore.advice.rules.security.rule import LEVELS, RuleSet
from runlore.advice.security_views import advise, conclude
from runlore.alerts.actions.handling import raise_alert, resolve_alert
from runlore.alerts.queries.anomalies import read_open
from runlore.alerts.rules.finding import LONGEST_SUBJECT, AlertFinding, Severity, line
from runlore.kernel import instants
from runlore.kernel.errors import Misconfigured, Unavailable
from runlore.signals.queries.execution_series import newest_number
from runlore.store.engine import Store

KIND = "security"
OLDEST = timedelta(days=7)  # events that come in later raise no alert
QUIET = timedelta(hours=24)  # without a new event, an alert is resolved
LEARNED = timedelta(days=1)
PATIENCE_MS = 2_000
EVERY_S = 60.0
MOST_SHARE = 0.1  # of the time that looking may take
MAX_ALERTS = 200  # of one step; the rest comes with the next event of its cause
SEVERITIES: Mapping[str, Severity] = {
    "critical": Severity.CRITICAL,
    "high": Severity.CRITICAL,
    "medium": Severity.WARNING,
    "low": Severity.INFO,
    "informational": Severity.INFO,
}

log = logging.getLogger("runlore.advice")


@dataclass(frozen=True)
class SecurityWatchStep:
    """events: new ones that were checked. raised: alerts that are open for them."""

    events: int
    raised: int


def watch_security(store: Store, rules: RuleSet, budget: float, at: datetime) -> SecurityWatchStep:
    """Check what was recorded since the last time. Raises Unavailable while facts are added."""
    with store.connect() as connection:
        until = newest_number(connection, PATIENCE_MS)
    with store.begin() as connection:
        state = read_state(connection)
        step, incidents, checked = _checked(store, rules, (state, until, budget), at)
        before = {alert.subject: alert.evidence for alert in read_open(connection, KIND)}
        for one in sorted(incidents[:MAX_ALERTS], key=lambda one: one.subject):
            raise_alert(connection, _finding(one, before.get(_subject(one), {})), at)
        for alert in read_open(connection, KIND):
            last = instants.parse(str(alert.evidence["last_at"]), "last_at")
            if last < at - QUIET:
                resolve_alert(connection, KIND, alert.subject, at)
        write_state(connection, step)
    return SecurityWatchStep(checked, min(len(incidents), MAX_ALERTS))


def _checked(
    store: Store,
    rules: RuleSet,
    watched: tuple[SecurityWatchState | None, int, float],
    at: datetime,
) -> tuple[SecurityWatchState, list[SecurityIncident], int]:
    state, until, budget = watched
    after = state.seq if state else 0
    begin = at - OLDEST
    kinds = None if rules.kinds is None else sorted(rules.kinds)
    fresh = state or SecurityWatchState(0, None, None, at)
    with store.connect() as connection:
        new = read_new(connection, after, until, at, begin, kinds)
        if new is None:
            return replace(fresh, seq=until, checked_at=at), [], 0
        reach = timedelta(microseconds=rules.reach_us)
        span = EventQuery(
            new.first_at - reach, min(new.last_at + reach, at), at, sorted(rules.fields), kinds
        )
        events = read_events(connection, span, begin, after)
        touched = read_touched(connection, after, until, at, begin)
    fresh = _learned(store, fresh, budget, at)
    if touched and fresh.threshold is not None:
        past = _past(store, span.begin, at, touched)
        events = with_habits(merge_events(past, events), budget, fresh.threshold)
    found = incidents_of(rules, events, evaluate(rules, events))
    return replace(fresh, seq=until, checked_at=at), found, int(events.is_new.sum())


def _learned(
    store: Store, state: SecurityWatchState, budget: float, at: datetime
) -> SecurityWatchState:
    """The threshold of surprise, learned again once a day from the logins before."""
    if state.threshold_at is not None and at - state.threshold_at < LEARNED:
        return state
    threshold = threshold_of(_past(store, at, at, None), budget)
    known = threshold if np.isfinite(threshold) else None
    return replace(state, threshold=known, threshold_at=at)


def _past(store: Store, until: datetime, at: datetime, actors: list[str] | None) -> SecurityEvents:
    begin = until - timedelta(microseconds=HISTORY_US)
    last = until - timedelta(microseconds=1)
    needs, kinds = ("source.ip", "network.bytes"), ("login", "transfer")
    with store.connect() as connection:
        events = read_events(connection, EventQuery(begin, last, at, needs, kinds, actors), None)
    return replace(events, is_new=np.zeros(len(events), np.bool_))


def _subject(one: SecurityIncident) -> str:
    return line(one.subject, LONGEST_SUBJECT)


def _finding(one: SecurityIncident, before: Mapping[str, Any]) -> AlertFinding:
    evidence = merged_evidence(evidence_of(one), one.new_events, before)
    return AlertFinding(
        KIND,
        _subject(one),
        SEVERITIES[evidence["level"]],
        conclude(one),
        f"by {len(one.rules)} rules, the first met at {one.found_at:%Y-%m-%d %H:%M} UTC",
        f"{advise(one)}; it ends {QUIET.total_seconds() / 3600:g} hours after the last event; to"
        " see them: runlore advise security",
        since=instants.parse(evidence["first_at"], "first_at"),
        evidence=evidence,
    )


def evidence_of(one: SecurityIncident) -> dict[str, Any]:
    """What an alert keeps of an incident; instants are ISO 8601 in UTC."""
    return {
        "cause": one.cause,
        "field": one.field,
        "level": one.level,
        "rules": [rule.rule for rule in one.rules],
        "events": one.events,
        "first_at": one.first_at.isoformat(),
        "last_at": one.last_at.isoformat(),
        "found_at": one.found_at.isoformat(),
        "users": one.users,
        "hosts": one.hosts,
        "sources": one.sources,
        "event_ids": one.event_ids,
    }


def merged_evidence(
    evidence: dict[str, Any], new_events: int, before: Mapping[str, Any]
) -> dict[str, Any]:
    """The evidence with that of an open alert: this step has read only what was within reach."""
    if not before:
        return evidence
    level = max(evidence["level"], before["level"], key=LEVELS.index)
    rules = [*evidence["rules"], *(one for one in before["rules"] if one not in evidence["rules"])]
    return evidence | {
        "level": level,
        "rules": rules,
        "events": max(evidence["events"], before["events"] + new_events),
        "first_at": min(evidence["first_at"], before["first_at"]),
        "found_at": min(evidence["found_at"], before["found_at"]),
        "last_at": max(evidence["last_at"], before["last_at"]),
    }


def watch(store: Store, folder: Path | None, budget: float, end: threading.Event) -> None:
    """Look once a minute until `end` is set. A database that is away is left to the log."""
    while not end.is_set():
        began = time.monotonic()
        look(store, folder, budget)
        end.wait(max(EVERY_S, (time.monotonic() - began) / MOST_SHARE))


def look(store: Store, folder: Path | None, budget: float) -> bool:
    """Look once, if there is anything new. Returns whether it could."""
    at = instants.now()
    try:
        if folder is None and not _has_work(store, at):
            return True
        from runlore.advice.actions.security_rule_files import load_rules  # with pySigma

        watch_security(store, load_rules(folder), budget, at)
    except (Unavailable, Misconfigured) as error:
        log.warning("security events are not watched: %s", error)
        return False
    except Exception:
        log.exception("security events are not watched")
        return False
    return True


def _has_work(store: Store, at: datetime) -> bool:
    with store.begin() as connection:
        state, is_open = read_state(connection), bool(read_open(connection, KIND))
    if is_open:
        return True
    with store.connect() as raw:
        return has_news(raw, state.seq if state else 0, at - OLDEST, sorted(CATEGORIES))
