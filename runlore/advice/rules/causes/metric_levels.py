"""Levels of metrics: at the time of each execution, and of a period beside earlier ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.causes.columns import CauseColumn, flag_column

Floats = NDArray[np.float64]
BIN_S = 900.0
DAY_BINS = 96
FRESH_BINS = 4  # a level holds for an hour
USUAL = (0.01, 0.99)  # quantiles of the time before
LEAST_BINS = 96  # of the time before, of a usual range
LEAST_PAST = 7  # earlier periods
MOST_NAMES = 100


@dataclass(frozen=True)
class MetricKey:
    source: str
    name: str
    scope: str


@dataclass(frozen=True, eq=False)
class LevelSeries:
    """levels: (b,) means of bins of 15 minutes, NaN without a point."""

    key: MetricKey
    levels: Floats


@dataclass(frozen=True, eq=False)
class MetricLevels:
    """start_s: of the first bin of all series. is_cut: there are more series."""

    start_s: float
    series: Sequence[LevelSeries] = field(default=())
    is_cut: bool = False


@dataclass(frozen=True)
class MovedMetric:
    """low, high: 95 % of such periods before. p: corrected by Holm for all metrics compared."""

    key: MetricKey
    level: float
    usual: float
    low: float
    high: float
    p: float


def level_columns(
    levels: MetricLevels, submitted_s: Floats, scopes: NDArray[np.str_], window_s: float
) -> Iterator[CauseColumn]:
    """Executions at whose submission a metric was above or below its usual range.

    submitted_s, scopes: (n,). A metric of a scope is that of executions of the scope only; one
    without a scope, of all. Metrics of one name are one column. window_s: start of the incident.
    """
    flags: dict[tuple[str, str], NDArray[np.bool_]] = {}
    number = np.floor((submitted_s - levels.start_s) / BIN_S).astype(np.int64)
    for one in levels.series:
        rows = np.flatnonzero(scopes == one.key.scope) if one.key.scope else slice(None)
        sides = _outside(one.levels, int((window_s - levels.start_s) // BIN_S))
        for side, outside in zip(("above", "below"), sides, strict=True):
            known = np.zeros(len(number), bool)
            known[rows] = outside[np.clip(number[rows], 0, len(outside) - 1)]
            if known.any():
                key = (one.key.name, side)
                flags[key] = flags.get(key, np.zeros(len(number), bool)) | known
    for (name, side), flagged in list(flags.items())[: 2 * MOST_NAMES]:
        yield flag_column("metric", name, f"{side} its usual range", flagged)


def moved_metrics(
    levels: MetricLevels, window_s: float, end_s: float, alpha: float
) -> tuple[tuple[MovedMetric, ...], int]:
    """Metrics whose level of the period differs from that of such periods before, and how many
    were compared. The strongest first.

    A period is compared with those of its length at the same time of earlier days: its mean lies
    in a prediction interval by Student's t (Hahn, JASA 64, 1969), so that rhythm and
    autocorrelation are in the spread. Corrected by Holm for all metrics that could be compared.
    """
    first = int((window_s - levels.start_s) // BIN_S)
    last = max(first + 1, int(np.ceil((end_s - levels.start_s) / BIN_S)))
    tested = [found for one in levels.series if (found := _compare(one, first, last)) is not None]
    tested.sort(key=lambda one: one.p)
    moved, floor = [], 0.0
    for place, one in enumerate(tested):
        floor = min(1.0, max(floor, one.p * (len(tested) - place)))
        if floor <= alpha:
            moved.append(MovedMetric(one.key, one.level, one.usual, one.low, one.high, floor))
    return tuple(moved), len(tested)


def _outside(levels: Floats, first: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(b,) each: whether the freshest level up to each bin is above or below the usual range."""
    before = levels[: max(first, 0)]
    before = before[np.isfinite(before)]
    none = np.zeros(len(levels), bool)
    if len(before) < LEAST_BINS:
        return none, none
    low, high = np.quantile(before, USUAL)
    fresh = _filled(levels)
    return fresh > high, fresh < low


def _filled(levels: Floats) -> Floats:
    """The last known level of at most FRESH_BINS before."""
    place = np.where(np.isfinite(levels), np.arange(len(levels)), -1)
    last = np.maximum.accumulate(place)
    age = np.arange(len(levels)) - last
    return np.where((last >= 0) & (age <= FRESH_BINS), levels[last], np.nan)


def _compare(one: LevelSeries, first: int, last: int) -> MovedMetric | None:
    from scipy.stats import t

    levels = _filled(one.levels)
    now = _mean(levels, first, last)
    shift = DAY_BINS * int(np.ceil((last - first) / DAY_BINS))
    steps = range(1, first // shift + 1)
    means = np.array([_mean(levels, first - k * shift, last - k * shift) for k in steps])
    past = means[np.isfinite(means)]
    if len(past) < LEAST_PAST or not np.isfinite(now):
        return None
    usual, spread = float(past.mean()), float(past.std(ddof=1) * np.sqrt(1 + 1 / len(past)))
    half = float(t.ppf(0.975, len(past) - 1)) * spread
    if spread > 1e-12 * max(abs(usual), 1e-300):
        p = float(2 * t.sf(abs(now - usual) / spread, len(past) - 1))
    else:  # always the same before: as rare as one period among all
        p = 1.0 if np.isclose(now, usual, rtol=1e-9) else 1 / (len(past) + 1)
    return MovedMetric(one.key, now, usual, usual - half, usual + half, p)


def _mean(levels: Floats, first: int, last: int) -> float:
    """Of a period, at least half of whose bins have a level; else NaN."""
    part = levels[first:last]
    known = part[np.isfinite(part)]
    return float(known.mean()) if len(known) and len(known) >= 0.5 * (last - first) else np.nan
