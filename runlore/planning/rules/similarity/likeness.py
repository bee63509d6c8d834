"""How alike two projects are, part by part: a number from 0 to 1, or unknown."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.similarity.overlap import count_overlap, normal_overlap, rate_overlap
from runlore.planning.rules.similarity.profiles import LogMoments, Profiles

Floats = NDArray[np.float64]

WHAT, HOW = ("kinds", "inputs", "words"), ("durations", "failures", "costs")
PARTS = (*WHAT, *HOW)
LEAST_ROWS = 10  # executions of both, or finished ones of a kind
LEAST_KNOWN = 5  # amounts of both
LEAST_WORDS = 50


@dataclass(frozen=True, eq=False)
class Likeness:
    """One project beside all P. parts, evidence: by part, (P,); NaN: too little is known.

    evidence: how many executions (or amounts, or words) the smaller side has. overall: the mean of
    what they do and how it goes, each the mean of its known parts.
    """

    parts: Mapping[str, Floats]
    evidence: Mapping[str, Floats]
    overall: Floats


def compare(profiles: Profiles, at: int) -> Likeness:
    """The project at a position beside all, itself included."""
    parts = {
        "kinds": _counts(profiles.kind_counts, at, LEAST_ROWS),
        "inputs": _inputs(profiles, at),
        "words": _counts(profiles.texts, at, LEAST_WORDS),
        "durations": _amounts(profiles.durations, at),
        "failures": _failures(profiles, at),
        "costs": _amounts(profiles.costs, at),
    }
    values = {name: value for name, (value, _) in parts.items()}
    groups = [_mean_of_known([values[name] for name in group]) for group in (WHAT, HOW)]
    return Likeness(values, {name: n for name, (_, n) in parts.items()}, _mean_of_known(groups))


def compare_all(profiles: Profiles) -> Floats:
    """(P, P): overall."""
    count = len(profiles.projects)
    rows = [compare(profiles, at).overall for at in range(count)]
    return np.array(rows).reshape(count, count)


def _counts(counts: Floats, at: int, least: int) -> tuple[Floats, Floats]:
    if not counts.shape[1]:
        return np.full(len(counts), np.nan), np.zeros(len(counts))
    evidence = np.minimum(counts.sum(axis=1), counts[at].sum())
    return np.where(evidence >= least, count_overlap(counts[at], counts), np.nan), evidence


def _amounts(amounts: LogMoments, at: int) -> tuple[Floats, Floats]:
    """Over kinds in common, each weighing by the smaller count."""
    weights = np.minimum(amounts.count, amounts.count[at])
    weights = np.where(weights >= LEAST_KNOWN, weights, 0.0)
    overlap = normal_overlap(amounts.mean[at], amounts.variance[at], amounts.mean, amounts.variance)
    return _weighted(overlap, weights)


def _failures(profiles: Profiles, at: int) -> tuple[Floats, Floats]:
    weights = np.minimum(profiles.finished, profiles.finished[at])
    weights = np.where(weights >= LEAST_ROWS, weights, 0.0)
    rates = (profiles.failed + 0.5) / (profiles.finished + 1)
    return _weighted(rate_overlap(rates[at], rates), weights)


def _weighted(overlap: Floats, weights: Floats) -> tuple[Floats, Floats]:
    total = weights.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return (overlap * weights).sum(axis=1) / np.where(total > 0, total, np.nan), total


def _inputs(profiles: Profiles, at: int) -> tuple[Floats, Floats]:
    """Over all inputs of either: what is shared of the values, by how many rows have the input."""
    evidence = np.minimum(profiles.rows, profiles.rows[at])
    numbers = profiles.numbers
    overlaps = [
        normal_overlap(numbers.mean[at], numbers.variance[at], numbers.mean, numbers.variance)
    ]
    counts = [numbers.count]
    for block in profiles.words.blocks.values():
        values = profiles.words.counts[:, block]
        overlaps.append(count_overlap(values[at], values)[:, None])
        counts.append(values.sum(axis=1)[:, None])
    overlap, count = np.hstack(overlaps), np.hstack(counts)
    shares = count / np.maximum(profiles.rows, 1)[:, None]
    smaller, larger = np.minimum(shares, shares[at]), np.maximum(shares, shares[at])
    is_known = (np.minimum(count, count[at]) >= LEAST_KNOWN) & ~np.isnan(overlap)
    usable = is_known | (smaller == 0)
    common = np.where(is_known, smaller * np.nan_to_num(overlap), 0.0).sum(axis=1)
    total = np.where(usable, larger, 0.0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        alike = common / total
    return np.where((evidence >= LEAST_ROWS) & (total > 0), alike, np.nan), evidence


def _mean_of_known(parts: list[Floats]) -> Floats:
    stacked = np.array(parts)
    known = ~np.isnan(stacked)
    count = known.sum(axis=0)
    total = np.where(known, stacked, 0.0).sum(axis=0)
    mean: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean
