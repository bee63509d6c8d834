"""Describe in words what moved most in a column."""

from collections.abc import Sequence

import numpy as np

from runlore.monitoring.rules import statistics
from runlore.monitoring.rules.histogram import UNKNOWN_CODE, Histogram
from runlore.monitoring.rules.measures import DriftMeasure

MISSING_CHANGE = 0.05
NOTHING = 1e-6  # a change below this part of the spread reads as 0


def describe(
    reference: Histogram, current: Histogram, others: Sequence[DriftMeasure], words: Sequence[str]
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
    name, pair = max(seen.items(), key=lambda item: abs(item[1][1] - item[1][0]) / scale)
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
