"""May a new version of a series spec's forecasters be the champion? Evidence in, verdict out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runlore.kernel.readable import readable_duration, readable_share
from runlore.signals.rules.forecasts.holdout import HoldoutScore
from runlore.specs.series_spec import ForecastGates

MOST_RATIO = 100.0  # of one series, so that a perfect or absurd one does not decide alone


@dataclass(frozen=True)
class HorizonEvidence:
    """One horizon on held-out values.

    learned, fallbacks: series that can be forecast, and those by the last season again. series:
    those with held-out values. ratio: error / that of the last season again, the geometric mean
    over series. against: error / the champion's, on what neither has learned from, over `compared`
    series; None: nothing to compare with. coverage: the mean
    over series. Nothing was measured with no series: then ratio and coverage are NaN.
    """

    horizon_s: float
    learned: int
    fallbacks: int
    series: int
    ratio: float
    coverage: float
    against: float | None = None
    compared: int = 0

    @property
    def is_measured(self) -> bool:
        return self.series > 0 and bool(np.isfinite(self.ratio))


@dataclass(frozen=True)
class ForecastVerdict:
    passed: bool
    reasons: tuple[str, ...]


def add_up(
    horizon_s: float, fallbacks: Sequence[bool], scores: Sequence[HoldoutScore]
) -> HorizonEvidence:
    """fallbacks: of each series that can be forecast, whether nothing beats the baseline."""
    of_series = [one for one in scores if one.baseline_error > 0]
    against = [one.against for one in of_series if one.against]
    return HorizonEvidence(
        horizon_s,
        len(fallbacks),
        sum(fallbacks),
        len(scores),
        geometric_mean([one.error / one.baseline_error for one in of_series]),
        float(np.mean([one.inside / one.points for one in scores])) if scores else np.nan,
        geometric_mean(against) if against else None,
        len(against),
    )


def judge_forecasters(
    gates: ForecastGates, level: float, horizons: Sequence[HorizonEvidence]
) -> ForecastVerdict:
    """Pass where no gate fails; a horizon that could not be measured decides nothing.

    Refused where none could be measured.
    """
    measured = [one for one in horizons if one.is_measured]
    if not measured:
        return ForecastVerdict(False, ("no series has enough points to be judged on",))
    ratio = weighted_ratio(measured)
    against = [(one.against, one.compared) for one in measured if one.against is not None]
    reasons = [
        *_too_wrong("the last season again", ratio, gates.most_ratio),
        *(_too_wrong("the champion", _weighted(against), gates.most_loss) if against else ()),
        *(reason for one in measured for reason in _off_level(one, level, gates)),
    ]
    if reasons:
        return ForecastVerdict(False, tuple(reasons))
    said = f"{readable_share(1 - ratio)} less error than the last season again"
    return ForecastVerdict(True, (f"{said}, on values that were held out",))


def weighted_ratio(measured: Sequence[HorizonEvidence]) -> float:
    """Over all horizons, by series."""
    return _weighted([(one.ratio, one.series) for one in measured])


def geometric_mean(ratios: Sequence[float]) -> float:
    """NaN of none."""
    if not ratios:
        return np.nan
    held = np.clip(ratios, 1 / MOST_RATIO, MOST_RATIO)
    return float(np.exp(np.mean(np.log(held))))


def _weighted(pairs: Sequence[tuple[float, int]]) -> float:
    ratios, counts = zip(*pairs, strict=True)
    return float(np.exp(np.average(np.log(ratios), weights=counts)))


def _too_wrong(whom: str, ratio: float, most: float) -> list[str]:
    if ratio <= most:
        return []
    return [f"the error is {ratio:.2f} times that of {whom}; at most {most:.2f} passes"]


def _off_level(one: HorizonEvidence, level: float, gates: ForecastGates) -> list[str]:
    if abs(one.coverage - level) <= gates.most_coverage_gap:
        return []
    ahead = readable_duration(one.horizon_s)
    return [
        f"bands {ahead} ahead hold {readable_share(one.coverage)} of the values instead of"
        f" {readable_share(level)}; {readable_share(gates.most_coverage_gap)} away is allowed"
    ]
