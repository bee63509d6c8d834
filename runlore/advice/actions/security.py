"""Find security incidents: in the log as it was known, or in events that a client sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from runlore.advice.queries.security_events import EventQuery, merge_events, read_events
from runlore.advice.rules.security.evaluation import evaluate
from runlore.advice.rules.security.events import SecurityEvents, make_events
from runlore.advice.rules.security.incidents import SecurityIncident, incidents_of
from runlore.advice.rules.security.rarity import HISTORY_US, with_habits
from runlore.advice.rules.security.rule import LEVELS, RuleLevel, RuleSet
from runlore.kernel.errors import BadInput
from runlore.kernel.instants import to_us
from runlore.store.engine import Store

DEFAULT_SINCE = timedelta(days=7)
LONGEST_SINCE = timedelta(days=400)
MAX_INCIDENTS = 500
HABIT_KINDS = ("login", "transfer")
HABIT_NEEDS = ("source.ip", "network.bytes")


@dataclass(frozen=True)
class SecurityQuery:
    """Which incidents: those with events submitted in [since, as_of]. level: the least."""

    since: datetime
    as_of: datetime
    budget: float
    level: RuleLevel = "low"
    cause: str | None = None


@dataclass(frozen=True)
class SecurityFindings:
    """incidents: the newest first, at most MAX_INCIDENTS. events: how many were checked."""

    incidents: tuple[SecurityIncident, ...]
    events: int
    is_cut: bool = False


def find_incidents(store: Store, rules: RuleSet, query: SecurityQuery) -> SecurityFindings:
    """Evaluate the rules over the log. Raises BadInput for a span that is empty or too long."""
    if not timedelta(0) < query.as_of - query.since <= LONGEST_SINCE:
        raise BadInput(
            f"since: must be before now, and at most {LONGEST_SINCE.days} days before", "since"
        )
    events = _events(store, rules, query)
    return _findings(rules, events, query)


def check_events(
    store: Store, rules: RuleSet, rows: Sequence[Mapping[str, Any]], query: SecurityQuery
) -> SecurityFindings:
    """Evaluate the rules over some events that need not be recorded; habits come from the log.

    rows: `at` (a datetime) and ECS names with text values; context are these events only.
    """
    names = sorted({name for row in rows for name in row} - {"at"})
    at = np.array([to_us(row["at"]) for row in rows], np.int64)
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    events = make_events(at, columns)
    if _needs_habits(rules) and len(rows):
        first = min(row["at"] for row in rows)
        past = _history(store, first, min(first, query.as_of))
        events = with_habits(merge_events(past, events), query.budget, None)
    return _findings(rules, events, query)


def _events(store: Store, rules: RuleSet, query: SecurityQuery) -> SecurityEvents:
    begin = query.since - timedelta(microseconds=rules.reach_us)
    kinds = None if rules.kinds is None else sorted(rules.kinds)
    wanted = EventQuery(begin, query.as_of, query.as_of, sorted(rules.fields), kinds)
    with store.connect() as connection:
        events = read_events(connection, wanted, query.since)
    if not _needs_habits(rules) or not events.is_new.any():
        return events
    past = _history(store, begin, query.as_of)
    return with_habits(merge_events(past, events), query.budget, None)


def _history(store: Store, until: datetime, as_of: datetime) -> SecurityEvents:
    """Logins and transfers before an instant, to learn habits from; none of them is new."""
    begin = until - timedelta(microseconds=HISTORY_US)
    last = until - timedelta(microseconds=1)
    wanted = EventQuery(begin, last, as_of, HABIT_NEEDS, HABIT_KINDS)
    with store.connect() as connection:
        events = read_events(connection, wanted, None)
    return replace(events, is_new=np.zeros(len(events), np.bool_))


def _needs_habits(rules: RuleSet) -> bool:
    return any(rule.needs_habits for rule in rules.rules)


def _findings(rules: RuleSet, events: SecurityEvents, query: SecurityQuery) -> SecurityFindings:
    if not len(events):
        return SecurityFindings((), 0)
    found = incidents_of(rules, events, evaluate(rules, events))
    least = LEVELS.index(query.level)
    shown = [
        one
        for one in found
        if LEVELS.index(one.level) >= least and query.cause in (None, one.cause)
    ]
    checked = int(events.is_new.sum())
    return SecurityFindings(tuple(shown[:MAX_INCIDENTS]), checked, len(shown) > MAX_INCIDENTS)
