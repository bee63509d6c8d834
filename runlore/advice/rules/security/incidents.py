"""Incidents: what several rules find about one cause, such as one source address, is one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from runlore.advice.rules.security.evaluation import RuleMatch
from runlore.advice.rules.security.events import Ints, SecurityEvents
from runlore.advice.rules.security.rule import CAUSES, LEVELS, RuleLevel, RuleSet, SecurityRule
from runlore.kernel.instants import from_us

GAP_US = 6 * 3_600_000_000  # a cause that is quiet for so long begins another incident
SHOWN = 10  # values and events of each incident
UNKNOWN = "unknown"


@dataclass(frozen=True)
class RuleEvidence:
    """found_at: when the rule was met first. events: how many were its evidence."""

    rule: str
    title: str
    level: RuleLevel
    advice: str
    events: int
    first_at: datetime
    last_at: datetime
    found_at: datetime


@dataclass(frozen=True)
class SecurityIncident:
    """What was found about one cause. field: which sort of cause: an ECS name.

    new_events: how many of the events are new. users, hosts, sources: of the evidence, the most
    frequent first, at most SHOWN. event_ids: the first ones. is_cut: there are more of these.
    """

    field: str
    cause: str
    level: RuleLevel
    rules: tuple[RuleEvidence, ...]
    events: int
    first_at: datetime
    last_at: datetime
    found_at: datetime
    users: tuple[str, ...]
    hosts: tuple[str, ...]
    sources: tuple[str, ...]
    event_ids: tuple[str, ...]
    is_cut: bool
    new_events: int

    @property
    def subject(self) -> str:
        return f"{self.field} {self.cause}"


def incidents_of(
    rules: RuleSet, events: SecurityEvents, found: Mapping[str, RuleMatch]
) -> list[SecurityIncident]:
    """The newest first. Only incidents that a new event belongs to."""
    parts = [
        _evidence(rule, events, found[rule.name])
        for rule in rules.rules
        if rule.alerts and found[rule.name].ends.any()
    ]
    if not parts:
        return []
    rows = pd.concat(parts, ignore_index=True).sort_values(["field", "cause", "at"], kind="stable")
    is_same = (rows["field"] == rows["field"].shift()) & (rows["cause"] == rows["cause"].shift())
    rows["incident"] = (~is_same | (rows["at"].diff() > GAP_US)).cumsum()
    by_name = rules.by_name()
    made = [
        _incident(group, events, by_name)
        for _, group in rows.groupby("incident", sort=False)
        if (group["ends"] & group["is_new"]).any()
    ]
    return sorted(made, key=lambda one: (one.last_at, one.subject), reverse=True)


def _evidence(rule: SecurityRule, events: SecurityEvents, found: RuleMatch) -> pd.DataFrame:
    """Its events: position, time, cause, and whether the rule was met there."""
    at = np.flatnonzero(found.covered)
    fields = [rule.cause, *(field for field in CAUSES if field != rule.cause)]
    field = np.full(at.size, UNKNOWN, object)
    cause = np.full(at.size, UNKNOWN, object)
    for name in reversed(fields):
        values = events.column(name)
        is_there = np.asarray(values.is_valid())[at]
        field[is_there] = name
        cause[is_there] = values.to_numpy(zero_copy_only=False)[at][is_there]
    return pd.DataFrame(
        {
            "event": at,
            "at": events.at[at],
            "field": field,
            "cause": cause,
            "rule": rule.name,
            "ends": found.ends[at],
            "is_new": events.is_new[at],
        }
    )


def _incident(
    rows: pd.DataFrame, events: SecurityEvents, rules: Mapping[str, SecurityRule]
) -> SecurityIncident:
    evidence = [
        _rule_evidence(rules[str(name)], part)
        for name, part in rows.groupby("rule", sort=False)
        if part["ends"].any()
    ]
    evidence.sort(key=lambda one: (-LEVELS.index(one.level), one.found_at, one.rule))
    positions = np.unique(rows["event"].to_numpy())
    values = {name: _frequent(events, name, positions) for name in (*CAUSES, "event.id")}
    first = rows.iloc[0]
    return SecurityIncident(
        field=str(first["field"]),
        cause=str(first["cause"]),
        level=evidence[0].level,
        rules=tuple(evidence),
        events=positions.size,
        first_at=from_us(int(rows["at"].min())),
        last_at=from_us(int(rows["at"].max())),
        found_at=min(one.found_at for one in evidence),
        users=tuple(values["user.name"][:SHOWN]),
        hosts=tuple(values["host.name"][:SHOWN]),
        sources=tuple(values["source.ip"][:SHOWN]),
        event_ids=_ids(events, positions[:SHOWN]),
        is_cut=positions.size > SHOWN or any(len(one) > SHOWN for one in values.values()),
        new_events=int(events.is_new[positions].sum()),
    )


def _rule_evidence(rule: SecurityRule, rows: pd.DataFrame) -> RuleEvidence:
    met = rows["at"][rows["ends"]]
    return RuleEvidence(
        rule.name,
        rule.title,
        rule.level,
        rule.advice,
        int(rows["event"].nunique()),
        from_us(int(rows["at"].min())),
        from_us(int(rows["at"].max())),
        from_us(int(met.min())),
    )


def _frequent(events: SecurityEvents, name: str, positions: Ints) -> Sequence[str]:
    values: Any = events.column(name).take(positions).drop_null()
    counted = pd.Series(values.to_numpy(zero_copy_only=False), dtype=object).value_counts()
    return [str(value) for value in counted.index]


def _ids(events: SecurityEvents, positions: Ints) -> tuple[str, ...]:
    return tuple(str(one) for one in events.column("event.id").take(positions).to_pylist() if one)
