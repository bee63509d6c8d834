"""Are scored forecasts worse than was measured at the training? Windows in, verdict out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np

from runlore.kernel.readable import readable_duration, readable_share
from runlore.signals.rules.forecasts.series_model import PromisedSkill
from runlore.specs.series_spec import ForecastDrift

MOST_WINDOWS = 10  # the newest ones, so that a change is not outvoted by a long past


@dataclass(frozen=True)
class ForecastWindow:
    """What became of the forecasts issued in one window, which is as long as their horizon.

    ratio: of the error to that of the last season again, the geometric mean over series. coverage:
    the mean over series. series: how many.
    """

    horizon_s: float
    ratio: float
    coverage: float
    series: int


@dataclass(frozen=True)
class ForecastDriftVerdict:
    """windows: of the horizon with the most. reasons: why it drifted; empty: it did not."""

    windows: int
    reasons: tuple[str, ...]

    @property
    def is_drifted(self) -> bool:
        return bool(self.reasons)


def judge_drift(
    policy: ForecastDrift,
    promised: Mapping[float, PromisedSkill],
    windows: Sequence[ForecastWindow],
) -> ForecastDriftVerdict:
    """Compare the newest windows of each horizon with what was promised of it.

    windows: the oldest first; those of one horizon do not overlap, so they count as independent.
    It is drift where even the better end of a t interval over windows is beyond what is allowed.
    """
    reasons: list[str] = []
    counts = [0]
    for horizon_s, skill in sorted(promised.items()):
        newest = [one for one in windows if one.horizon_s == horizon_s][-MOST_WINDOWS:]
        counts.append(len(newest))
        if len(newest) >= policy.least_windows:
            reasons += _of_horizon(policy, horizon_s, skill, newest)
    return ForecastDriftVerdict(max(counts), tuple(reasons))


def _of_horizon(
    policy: ForecastDrift, horizon_s: float, skill: PromisedSkill, newest: Sequence[ForecastWindow]
) -> list[str]:
    ahead, found = readable_duration(horizon_s), []
    logs = [log(one.ratio) for one in newest]
    if _mean(logs) - _margin(logs, policy) > log(skill.ratio * policy.most_growth):
        seen = float(np.exp(_mean(logs)))
        found.append(
            f"{ahead} ahead the error is {seen:.2f} times that of the last season again;"
            f" {skill.ratio:.2f} was measured at the training"
        )
    shares = [one.coverage for one in newest]
    if _mean(shares) + _margin(shares, policy) < skill.coverage - policy.most_coverage_loss:
        found.append(
            f"{ahead} ahead bands hold {readable_share(_mean(shares))} of the values;"
            f" {readable_share(skill.coverage)} was measured at the training"
        )
    return found


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _margin(values: Sequence[float], policy: ForecastDrift) -> float:
    """Half a one-sided t interval of the mean. Source: Student, 1908."""
    from scipy.special import stdtrit

    quantile = float(stdtrit(len(values) - 1, 1 - policy.false_alarms))
    return quantile * float(np.std(values, ddof=1)) / sqrt(len(values))
