"""The decision: two profiles and a policy in, a verdict with its reasons out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from runlore.drift import statistics
from runlore.drift.histogram import UNKNOWN_CODE, Histogram, Ints, Profile

Answer = Literal["drift", "no drift", "not enough data"]
Statistic = Literal["psi", "ks", "wasserstein", "jensen_shannon", "chi_square"]
Words = Mapping[str, Sequence[str]]
"""Of a categorical column: the word of each code, by place."""
Usual = Mapping[str, Mapping[Statistic, float]]
"""Of each column: what its statistics reach between windows of the training, see `usual.py`."""

PREDICTION = "prediction"
"""The name of the column that holds what the model answers."""

DISTANCE = 0.1
"""From which ks, wasserstein (in sd), jensen_shannon and Cramér's V count as a change."""
MISSING_CHANGE = 0.05
NOTHING = 1e-6
"""Of a spread: reads as 0."""


class Policy(Protocol):
    """What a DriftPolicy says to this module."""

    @property
    def psi(self) -> float: ...
    @property
    def drifted_share(self) -> float: ...
    @property
    def least_rows(self) -> int: ...


@dataclass(frozen=True)
class Measure:
    """One statistic of one column.

    threshold: the largest of what counts as a change, of what chance reaches once in a thousand
    times with so many rows, and of what the windows of the training had among themselves.
    """

    statistic: Statistic
    value: float
    threshold: float

    @property
    def is_drifted(self) -> bool:
        return self.value >= self.threshold


@dataclass(frozen=True)
class ColumnVerdict:
    """A column has drifted when its PSI says so; the other measures tell how.

    change: what moved, in words; empty where nothing did.
    """

    name: str
    measures: tuple[Measure, ...]
    change: str = ""

    @property
    def psi(self) -> Measure:
        return next(measure for measure in self.measures if measure.statistic == "psi")

    @property
    def is_drifted(self) -> bool:
        return self.psi.is_drifted

    @property
    def reason(self) -> str:
        psi, comparison = self.psi, "at least" if self.is_drifted else "below"
        change = f": {self.change}" if self.change else ""
        return f"{self.name}{change} (PSI {psi.value:.3f}, {comparison} {psi.threshold:.3f})"


@dataclass(frozen=True)
class WindowVerdict:
    """What to say of a window. columns: the most drifted first; empty without enough data."""

    answer: Answer
    rows_reference: int
    rows_current: int
    drifted_share: float
    threshold: float
    columns: tuple[ColumnVerdict, ...]
    reasons: tuple[str, ...]

    @property
    def drifted(self) -> tuple[ColumnVerdict, ...]:
        return tuple(column for column in self.columns if column.is_drifted)


def judge(
    reference: Profile,
    current: Profile,
    policy: Policy,
    words: Words | None = None,
    usual: Usual | None = None,
) -> WindowVerdict:
    """Compare a window's profile with the reference's, counted in the same bins."""
    rows = (reference.rows, current.rows)
    if min(rows) < policy.least_rows:
        return not_enough(*rows, policy)
    columns = []
    for mine, theirs in zip(reference.columns, current.columns, strict=True):
        known = (usual or {}).get(mine.name, {})
        columns.append(judge_column(mine, theirs, policy, (words or {}).get(mine.name, ()), known))
    return conclude(columns, *rows, policy.drifted_share)


def not_enough(rows_reference: int, rows_current: int, policy: Policy) -> WindowVerdict:
    which = "window" if rows_current < policy.least_rows else "reference"
    rows = min(rows_current, rows_reference) if which == "reference" else rows_current
    reason = f"the {which} holds {rows:,} rows; a verdict needs {policy.least_rows:,}"
    return WindowVerdict(
        "not enough data", rows_reference, rows_current, 0.0, policy.drifted_share, (), (reason,)
    )


def conclude(
    columns: Sequence[ColumnVerdict], rows_reference: int, rows_current: int, least_share: float
) -> WindowVerdict:
    """A window has drifted when what the model answers has, or enough of its columns have."""
    worst = sorted(columns, key=lambda column: (-_excess(column.psi), column.name))
    drifted = [column for column in worst if column.is_drifted]
    share = len(drifted) / len(columns) if columns else 0.0
    bound = f"{least_share:.0%} make a drift"
    summary = f"{len(drifted)} of {len(columns)} columns drifted ({share:.0%}; {bound})"
    answers_differ = any(column.name == PREDICTION for column in drifted)
    if answers_differ:
        summary += ", the prediction among them, which makes one by itself"
    is_drifted = answers_differ or (bool(drifted) and share >= least_share)
    return WindowVerdict(
        answer="drift" if is_drifted else "no drift",
        rows_reference=rows_reference,
        rows_current=rows_current,
        drifted_share=share,
        threshold=least_share,
        columns=tuple(worst),
        reasons=(summary, *(column.reason for column in drifted)),
    )


def _excess(measure: Measure) -> float:
    return measure.value / measure.threshold if measure.threshold else measure.value


def judge_column(
    reference: Histogram,
    current: Histogram,
    policy: Policy,
    words: Sequence[str] = (),
    usual: Mapping[Statistic, float] | None = None,
) -> ColumnVerdict:
    found = tuple(
        replace(each, threshold=max(each.threshold, (usual or {}).get(each.statistic, 0.0)))
        for each in measure(reference, current, policy)
    )
    return ColumnVerdict(reference.name, found, _change(reference, current, found[1:], words))


def measure(reference: Histogram, current: Histogram, policy: Policy) -> tuple[Measure, ...]:
    """PSI first; the others where both sides know a value."""
    missing = np.array([reference.missing]), np.array([current.missing])
    grouped = _grouped(reference, current)
    p, q = (np.r_[counts, nothing] for counts, nothing in zip(grouped, missing, strict=True))
    psi = Measure("psi", statistics.psi(p, q), max(policy.psi, statistics.psi_by_chance(p, q)))
    if not reference.known or not current.known:
        return (psi,)
    of_kind = _categories if reference.bins.is_category else _numbers
    return (psi, *of_kind(reference, current))


def _grouped(reference: Histogram, current: Histogram) -> tuple[Ints, Ints]:
    if reference.bins.is_category:
        return statistics.common(reference.counts, current.counts)
    starts = statistics.quantile_groups(reference.counts, min(reference.known, current.known))
    return statistics.joined(reference.counts, starts), statistics.joined(current.counts, starts)


def _numbers(reference: Histogram, current: Histogram) -> tuple[Measure, ...]:
    p, q = reference.counts, current.counts
    return (
        Measure("ks", statistics.ks(p, q), max(DISTANCE, statistics.ks_by_chance(p, q))),
        Measure(
            "wasserstein",
            statistics.wasserstein(reference, current),
            max(DISTANCE, statistics.wasserstein_by_chance(p, q)),
        ),
    )


def _categories(reference: Histogram, current: Histogram) -> tuple[Measure, ...]:
    p, q = statistics.common(reference.counts, current.counts)
    sized = DISTANCE**2 * float(p.sum() + q.sum())
    return (
        Measure(
            "jensen_shannon",
            statistics.jensen_shannon(p, q),
            max(DISTANCE, statistics.jensen_shannon_by_chance(p, q)),
        ),
        Measure(
            "chi_square",
            statistics.chi_square(p, q),
            max(sized, statistics.chi_square_by_chance(p, q)),
        ),
    )


def _change(
    reference: Histogram, current: Histogram, others: Sequence[Measure], words: Sequence[str]
) -> str:
    """What moved most, such as `median 3 → 7` or `missing in 40% of rows, before in 2%`.

    Beside a change of what is missing, known values count only when a measure of theirs drifted.
    """
    before, now = reference.missing_share, current.missing_share
    missing = f"missing in {now:.0%} of rows, before in {before:.0%}"
    parts = [missing] if abs(now - before) >= MISSING_CHANGE else []
    if others and (not parts or any(measure.is_drifted for measure in others)):
        is_category = reference.bins.is_category
        parts.append(
            _word_change(reference, current, words)
            if is_category
            else _number_change(reference, current)
        )
    return "; ".join(part for part in parts if part)


def _number_change(reference: Histogram, current: Histogram) -> str:
    """Of median, mean and spread the one that moved most, for the reference's spread."""
    scale = reference.moments.sd or current.moments.sd or 1.0
    seen: dict[str, tuple[float, float]] = {
        "median": (statistics.quantile(reference, 0.5), statistics.quantile(current, 0.5)),
        "mean": (reference.moments.mean, current.moments.mean),
        "sd": (reference.moments.sd, current.moments.sd),
    }
    name, pair = max(seen.items(), key=lambda each: abs(each[1][1] - each[1][0]) / scale)
    before, now = (f"{value if abs(value) > NOTHING * scale else 0.0:.3g}" for value in pair)
    return f"{name} {before} → {now}" if before != now else ""


def _word_change(reference: Histogram, current: Histogram, words: Sequence[str]) -> str:
    """The value whose share moved most."""
    p, q = reference.counts / reference.known, current.counts / current.known
    at = int(np.argmax(np.abs(q - p)))
    before, now = f"{p[at]:.0%}", f"{q[at]:.0%}"
    return f"{_word(reference, at, words)} {before} → {now}" if before != now else ""


def _word(reference: Histogram, at: int, words: Sequence[str]) -> str:
    if at == len(reference.bins.cuts):
        return "other values"
    code = int(reference.bins.cuts[at])
    if code == UNKNOWN_CODE:
        return "values unknown in training"
    return repr(words[code]) if code < len(words) else f"code {code}"
