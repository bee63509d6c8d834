"""Health: the probability that the next day has no more failures than usual.

What each part says is learned from past days by a logistic regression with a ridge, whose intervals
are robust against days of one week that resemble each other (Liang and Zeger, "Longitudinal data
analysis using generalized linear models", 1986). A part whose interval holds "no difference" says
nothing and is left out. The whole is compared with the base rate, on later days than those that it
learned from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runlore.signals.rules.series.grid import Floats

HealthStatus = Literal["predicted", "base rate", "unknown"]

LEAST_ROWS = 30
LEAST_DAYS = 28
LEAST_BAD = 5
LEAST_SEEN = 10  # days on which a part stood out, and on which it did not
LEAST_WEEKS = 5
RIDGE = 0.5  # of the coefficients, not of the constant
SURE = 0.95  # over all parts together
BAND = 0.9
TRAINED_SHARES = (0.4, 0.6, 0.8)  # of the days; each learns, and is judged on the next fifth
GROUPS = 3


@dataclass(frozen=True)
class HealthHistory:
    """Past days. states: (rows, parts); is_bad: 1 or 0; day: counted back from now."""

    states: Floats
    is_bad: Floats
    day: Floats

    def take(self, is_taken: NDArray[np.bool_]) -> "HealthHistory":
        return HealthHistory(self.states[is_taken], self.is_bad[is_taken], self.day[is_taken])


@dataclass(frozen=True)
class PartWeight:
    """What a part said about the next day. n: days on which it stood out; bad: of the days after.

    odds: of a bad day, for each step of the part; low, high: their interval; None: never varied.
    weight: the logarithm of the odds, 0 where the interval holds "no difference".
    """

    n: int
    bad: int
    odds: float | None = None
    low: float | None = None
    high: float | None = None
    weight: float = 0.0


@dataclass(frozen=True)
class CalibrationGroup:
    """Days with about the same prediction, on which nothing was learned. Both: of bad days."""

    predicted: float
    seen: float
    days: int


@dataclass(frozen=True)
class HealthFit:
    """rows, days, bad: what was learned from. base_rate: of bad days.

    gain: the share of the base rate's log loss that is gone on later days; None: nothing to judge.
    reason: why health is unknown or the base rate. covariance: of the constant and the weights.
    """

    status: HealthStatus
    rows: int
    days: int
    bad: int
    base_rate: float | None
    weights: tuple[PartWeight, ...]
    reason: str = ""
    gain: float | None = None
    calibration: tuple[CalibrationGroup, ...] = ()
    coefficients: tuple[float, ...] = ()
    covariance: tuple[tuple[float, ...], ...] = ()


def fit_health(history: HealthHistory) -> HealthFit:
    """Learn what each part says, and whether all of them beat the base rate on later days."""
    rows, days = len(history.is_bad), len(np.unique(history.day))
    bad = int(history.is_bad.sum())
    counted = tuple(_count(history, part) for part in range(history.states.shape[1]))
    reason = _too_little(rows, days, bad)
    if reason:
        rate = bad / rows if rows else None
        return HealthFit("unknown", rows, days, bad, rate, counted, reason)
    weights = _weigh(history)
    gain, calibration = _judge(history)
    said = any(weight.weight for weight in weights)
    if said and gain is not None and gain > 0:
        beta, covariance = _solve(_kept(history.states, weights), history)
        status: HealthStatus = "predicted"
    else:
        beta, covariance = _solve(history.states[:, :0], history)
        status = "base rate"
        if said:
            reason = "on days that it had not seen, the prediction was no better than the base rate"
        else:
            reason = "no part says anything about later failures here"
    if status == "predicted":
        weights = _refitted(weights, beta, covariance, _quantile(history, len(weights)))
    return HealthFit(
        status,
        rows,
        days,
        bad,
        bad / rows,
        weights,
        reason,
        gain,
        calibration,
        tuple(beta.tolist()),
        tuple(map(tuple, covariance.tolist())),
    )


def predict_health(fit: HealthFit, states: Floats) -> tuple[float, float, float] | None:
    """Probability of a day without more failures than usual, with its interval of 90 %.

    states: of one scope, by part. None: unknown.
    """
    from scipy.special import expit, ndtri

    if fit.status == "unknown":
        return None
    is_kept = [bool(weight.weight) and fit.status == "predicted" for weight in fit.weights]
    row = np.append(1.0, states[is_kept])
    middle = row @ np.asarray(fit.coefficients)
    half = ndtri((1 + BAND) / 2) * np.sqrt(row @ np.asarray(fit.covariance) @ row)
    value, low, high = (float(expit(-one)) for one in (middle, middle + half, middle - half))
    return value, low, high


def _too_little(rows: int, days: int, bad: int) -> str:
    if rows < LEAST_ROWS or days < LEAST_DAYS:
        return (
            f"{days} past days can be judged; at least {LEAST_DAYS} are needed, after"
            " four weeks that say what is usual"
        )
    if min(bad, rows - bad) < LEAST_BAD:
        return f"{bad} of {rows} past days were bad; at least {LEAST_BAD} of each are needed"
    return ""


def _count(history: HealthHistory, part: int) -> PartWeight:
    stood_out = _stands_out(history.states[:, part])
    return PartWeight(int(stood_out.sum()), int(history.is_bad[stood_out].sum()))


def _stands_out(states: Floats) -> NDArray[np.bool_]:
    return np.asarray(states >= 1)


def _weigh(history: HealthHistory) -> tuple[PartWeight, ...]:
    """One after the other, by itself and then beside those that say something by themselves."""
    parts = history.states.shape[1]
    alone = [_weigh_one(history, part, parts) for part in range(parts)]
    kept = [part for part in range(parts) if alone[part].weight]
    while len(kept) > 1:
        beta, covariance = _solve(history.states[:, kept], history)
        size = np.abs(beta[1:]) / np.sqrt(np.diag(covariance)[1:])
        if size.min() >= _quantile(history, parts):
            break
        weakest = kept.pop(int(size.argmin()))
        one = alone[weakest]
        alone[weakest] = PartWeight(one.n, one.bad, one.odds, one.low, one.high)
    return tuple(alone)


def _weigh_one(history: HealthHistory, part: int, parts: int) -> PartWeight:
    counted = _count(history, part)
    varied = np.count_nonzero(history.states[:, part])
    if counted.n < LEAST_SEEN or len(history.is_bad) - counted.n < LEAST_SEEN or varied == 0:
        return counted
    beta, covariance = _solve(history.states[:, [part]], history)
    return _weight(counted, beta[1], covariance[1, 1], _quantile(history, parts))


def _weight(counted: PartWeight, beta: float, variance: float, quantile: float) -> PartWeight:
    half = quantile * float(np.sqrt(variance))
    low, odds, high = (float(np.exp(one)) for one in (beta - half, beta, beta + half))
    weight = float(beta) if low > 1 or high < 1 else 0.0
    return PartWeight(counted.n, counted.bad, odds, low, high, weight)


def _refitted(
    weights: Sequence[PartWeight], beta: Floats, covariance: Floats, quantile: float
) -> tuple[PartWeight, ...]:
    """The parts that count, with their weights beside each other."""
    place, taken = 0, []
    for one in weights:
        if not one.weight:
            taken.append(one)
            continue
        place += 1
        half = quantile * float(np.sqrt(covariance[place, place]))
        low, odds, high = (float(np.exp(beta[place] + step)) for step in (-half, 0.0, half))
        taken.append(replace(one, odds=odds, low=low, high=high, weight=float(beta[place])))
    return tuple(taken)


def _quantile(history: HealthHistory, parts: int) -> float:
    """Of Student's distribution, so that all parts together are wrong in 1 - SURE of the cases."""
    from scipy.stats import t

    weeks = len(np.unique(history.day // 7))
    return float(t.ppf(1 - (1 - SURE) / (2 * max(parts, 1)), max(weeks - 1, 1)))


def _kept(states: Floats, weights: Sequence[PartWeight]) -> Floats:
    kept: Floats = states[:, [bool(weight.weight) for weight in weights]]
    return kept


def _solve(states: Floats, history: HealthHistory) -> tuple[Floats, Floats]:
    """The constant and the coefficients, and their covariance by weeks."""
    from scipy.special import expit

    columns = np.column_stack([np.ones(len(states)), states])
    ridge = np.diag(np.append(0.0, np.full(states.shape[1], RIDGE)))
    beta = np.zeros(columns.shape[1])
    beta[0] = np.log(history.is_bad.mean() / (1 - history.is_bad.mean()))
    for _ in range(50):
        rate = expit(columns @ beta)
        curvature = (columns * (rate * (1 - rate))[:, None]).T @ columns + ridge
        step = np.linalg.solve(curvature, columns.T @ (history.is_bad - rate) - ridge @ beta)
        beta = beta + step
        if np.abs(step).max() < 1e-9:
            break
    scores = columns * (history.is_bad - expit(columns @ beta))[:, None]
    weeks, place = np.unique(history.day // 7, return_inverse=True)
    by_week = np.zeros((len(weeks), columns.shape[1]))
    np.add.at(by_week, place, scores)
    bread = np.linalg.inv(curvature)
    small = len(weeks) / max(len(weeks) - 1, 1)
    covariance: Floats = small * bread @ (by_week.T @ by_week) @ bread
    return beta, covariance


def _judge(history: HealthHistory) -> tuple[float | None, tuple[CalibrationGroup, ...]]:
    """Learn from earlier days, predict later ones; the gain beside the base rate of the earlier."""
    predicted, base, seen = [], [], []
    age = history.day.max() - history.day  # 0: the oldest
    length = age.max() + 1
    for share, until in zip(TRAINED_SHARES, (*TRAINED_SHARES[1:], 1.0), strict=True):
        past = history.take(age < share * length)
        later = history.take((age >= share * length) & (age < until * length))
        if min(past.is_bad.sum(), (1 - past.is_bad).sum()) < 1 or not len(later.is_bad):
            continue
        predicted.append(_predict_later(past, later))
        base.append(np.full(len(later.is_bad), past.is_bad.mean()))
        seen.append(later.is_bad)
    if not seen:
        return None, ()
    made, naive, truth = (np.concatenate(one) for one in (predicted, base, seen))
    gain = 1 - _log_loss(made, truth) / _log_loss(naive, truth)
    return float(gain), _calibrate(made, truth)


def _predict_later(past: HealthHistory, later: HealthHistory) -> Floats:
    from scipy.special import expit

    weights = _weigh(past)
    beta, _ = _solve(_kept(past.states, weights), past)
    columns = np.column_stack([np.ones(len(later.is_bad)), _kept(later.states, weights)])
    rate: Floats = expit(columns @ beta)
    return rate


def _log_loss(rate: Floats, truth: Floats) -> float:
    held = np.clip(rate, 1e-6, 1 - 1e-6)
    return float(-np.mean(truth * np.log(held) + (1 - truth) * np.log(1 - held)))


def _calibrate(made: Floats, truth: Floats) -> tuple[CalibrationGroup, ...]:
    order = np.argsort(made, kind="stable")
    return tuple(
        CalibrationGroup(float(made[one].mean()), float(truth[one].mean()), len(one))
        for one in np.array_split(order, GROUPS)
        if len(one)
    )
