"""What rules find in events: where each rule is met, and which events it met them by."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from runlore.advice.rules.security.events import Ints, Mask, SecurityEvents, codes
from runlore.advice.rules.security.matching import matching, numbers_of
from runlore.advice.rules.security.rule import Correlation, RuleSet
from runlore.advice.rules.security.windows import (
    GroupedRows,
    covered_rows,
    event_counts,
    grouped_rows,
    ordered_starts,
    value_counts,
    value_sums,
)


@dataclass(frozen=True, eq=False)
class RuleMatch:
    """ends: (N,) events at which the rule is met. covered: (N,) events of the windows that ended
    there, which are its evidence."""

    ends: Mask
    covered: Mask


def evaluate(rules: RuleSet, events: SecurityEvents) -> Mapping[str, RuleMatch]:
    """Name of a rule -> where it is met, in the context as well as in new events."""
    found: dict[str, RuleMatch] = {}
    for rule in rules.rules:
        if rule.condition is not None:
            is_met = matching(rule.condition, events)
            found[rule.name] = RuleMatch(is_met, is_met)
        elif rule.correlation is not None:
            found[rule.name] = _correlated(rule.correlation, events, found)
    return found


def _correlated(
    correlation: Correlation, events: SecurityEvents, found: Mapping[str, RuleMatch]
) -> RuleMatch:
    nothing = np.zeros(len(events), np.bool_)
    parts = [found[name] for name in correlation.rules]
    groups, is_grouped = codes([events.column(f) for f in correlation.group_by], len(events))
    is_part = np.logical_or.reduce([part.ends for part in parts]) & is_grouped
    if correlation.field:
        is_part &= np.asarray(events.column(correlation.field).is_valid())
    rows = np.flatnonzero(is_part)
    if not rows.size:
        return RuleMatch(nothing, nothing)
    grouped = grouped_rows(events.at, groups, rows, correlation.width_us)
    starts = _starts(correlation, grouped, events, parts)
    ends = np.flatnonzero(starts >= 0)
    is_met, is_covered = nothing.copy(), nothing.copy()
    is_met[grouped.rows[ends]] = True
    is_covered[grouped.rows[covered_rows(starts[ends], ends, grouped.rows.size)]] = True
    return RuleMatch(is_met, _with_inner(is_covered, events, groups, parts, correlation))


def _starts(
    correlation: Correlation,
    grouped: GroupedRows,
    events: SecurityEvents,
    parts: list[RuleMatch],
) -> Ints:
    """(M,) the first row of the window that ends at a row and meets the rule; -1: none."""
    rows = grouped.rows
    if correlation.kind == "temporal_ordered":
        return ordered_starts(grouped, [part.ends[rows] for part in parts])
    if correlation.kind == "temporal":
        counts = np.sum([_has_any(grouped, part.ends[rows]) for part in parts], axis=0)
    elif correlation.kind == "event_count":
        counts = event_counts(grouped)
    else:
        counts = _field_counts(correlation, grouped, events)
    return np.where(np.asarray(counts) >= correlation.least, grouped.left, -1)


def _has_any(grouped: GroupedRows, is_match: Mask) -> Ints:
    """(M,) 1 where a row of the window matches."""
    total = np.concatenate([[0], np.cumsum(is_match)])
    return (total[1:] > total[grouped.left]).astype(np.int64)


def _field_counts(
    correlation: Correlation, grouped: GroupedRows, events: SecurityEvents
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    values = events.column(correlation.field)
    if correlation.kind == "value_count":
        numbers, _ = codes([values], len(events))
        return value_counts(grouped, numbers[grouped.rows]).astype(np.float64)
    numbers = pc.fill_null(numbers_of(values), 0.0).to_numpy(zero_copy_only=False)
    return value_sums(grouped, np.asarray(numbers, np.float64)[grouped.rows])


def _with_inner(
    covered: Mask,
    events: SecurityEvents,
    groups: Ints,
    parts: list[RuleMatch],
    correlation: Correlation,
) -> Mask:
    """Add the evidence of the rules that it refers to, of the same groups and about that time."""
    inner = np.logical_or.reduce([part.covered for part in parts])
    rows = np.flatnonzero(inner | covered)
    if not covered.any() or np.array_equal(inner & covered, inner):
        return covered
    near = grouped_rows(events.at, groups, rows, correlation.width_us)
    total = np.concatenate([[0], np.cumsum(covered[near.rows])])
    is_near = total[near.right + 1] > total[near.left]
    whole = np.zeros(len(events), np.bool_)
    whole[near.rows[is_near]] = True
    return whole
