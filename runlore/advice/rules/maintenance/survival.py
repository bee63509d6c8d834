"""Survival models of lifetimes: what share lives how long, given how old it is already.

Censored lifetimes count by their survival. Kaplan-Meier and Cox are those of lifelines
(Davidson-Pilon 2019).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from runlore.advice.rules.maintenance.accelerated_life import (
    Family,
    LifeSample,
    NotFitted,
    fit_life,
    log_survival,
)
from runlore.advice.rules.maintenance.lifetimes import Floats, Ints, Lifetimes

DRAWS, SEED = 32, 30
RIDGE = 1.0  # of Cox, on standardised covariates, beside the sum over lifetimes
LEAST_SD = 1e-9


@dataclass(frozen=True, eq=False)
class CovariateScales:
    """columns: those that vary; centre, scale: their mean and standard deviation."""

    columns: Ints
    centre: Floats
    scale: Floats

    def standard(self, values: Floats) -> Floats:
        """(n, columns); what is not known is the mean."""
        used = (values[:, self.columns] - self.centre) / self.scale
        return np.asarray(np.nan_to_num(used, nan=0.0))


NO_COVARIATES = CovariateScales(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))


def find_scales(lives: Lifetimes) -> CovariateScales:
    """Raises NotFitted if no covariate varies."""
    values = lives.covariates
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, values, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, values - centre, 0) ** 2).sum(axis=0) / count)
    columns = np.flatnonzero(spread > LEAST_SD)
    if not len(columns):
        raise NotFitted("no covariate varies")
    return CovariateScales(columns, centre[columns], spread[columns])


class SurvivalModel(Protocol):
    """A fitted model."""

    @property
    def name(self) -> str: ...

    def log_survival(self, days: Floats, covariates: Floats) -> Floats:
        """(k, n, m): log of the share that lives so long, by draw of the parameters.

        days: (n, m). covariates: (n, c).
        """
        ...


def survival(model: SurvivalModel, ages: Floats, days: Floats, covariates: Floats) -> Floats:
    """(n, m): the share that lives `days` (n, m) more at an age (n,); the mean over draws."""
    before = model.log_survival(ages[:, None], covariates)
    after = model.log_survival(ages[:, None] + days, covariates)
    return np.asarray(np.exp(after - before).mean(axis=0))


@dataclass(frozen=True)
class ConstantHazard:
    """Lifetimes that do not depend on age; the rate has a gamma posterior, so the mean over it is
    (1 + t / exposure) ** -failures: here by quadrature of the rate."""

    failures: int
    exposure: float
    name: str = "constant"

    def log_survival(self, days: Floats, covariates: Floats) -> Floats:
        from scipy.stats import gamma

        levels = (np.arange(DRAWS) + 0.5) / DRAWS
        rates = gamma.ppf(levels, self.failures) / self.exposure
        shape = (len(covariates), days.shape[1])
        return np.asarray(-rates[:, None, None] * np.broadcast_to(days, shape))


@dataclass(frozen=True, eq=False)
class AcceleratedLife:
    """log(T) = intercept + covariates · slopes + error / shape.

    draws: (k, c + 2): intercept, slopes, log shape.
    """

    family: Family
    draws: Floats
    scales: CovariateScales
    name: str

    def log_survival(self, days: Floats, covariates: Floats) -> Floats:
        used = self.scales.standard(covariates)
        place = self.draws[:, :1] + self.draws[:, 1:-1] @ used.T
        logs = np.log(np.maximum(days, 1e-9))
        z = (logs[None] - place[:, :, None]) * np.exp(self.draws[:, -1])[:, None, None]
        return log_survival(self.family, z)


@dataclass(frozen=True, eq=False)
class BaselineHazard:
    """A cumulative hazard by steps, made a line, times exp(covariates · slopes).

    Beyond the last failure it goes on with the mean slope of its last half.
    """

    at: Floats
    hazard: Floats
    slopes: Floats
    scales: CovariateScales
    name: str

    def log_survival(self, days: Floats, covariates: Floats) -> Floats:
        used = self.scales.standard(covariates)
        ratio = np.exp(np.clip(used @ self.slopes, -5, 5))
        return -(self._cumulative(days) * ratio[:, None])[None]

    def _cumulative(self, days: Floats) -> Floats:
        last, middle = self.at[-1], self.at[-1] / 2
        inside = np.interp(days, self.at, self.hazard)
        slope = (self.hazard[-1] - np.interp(middle, self.at, self.hazard)) / (last - middle)
        return np.asarray(inside + slope * np.maximum(days - last, 0))


def fit_constant(lives: Lifetimes) -> SurvivalModel:
    failures = int(lives.is_failure.sum())
    if not failures:
        raise NotFitted("no failure")
    return ConstantHazard(failures, float(lives.days.sum()))


def fit_kaplan_meier(lives: Lifetimes) -> SurvivalModel:
    at, share, _, _ = kaplan_meier(lives)
    least = 0.5 / len(lives)
    hazard = -np.log(np.maximum(share, least))
    if len(at) < 3 or hazard[-1] <= 0:
        raise NotFitted("too few failures")
    return BaselineHazard(at, hazard, np.zeros(0), NO_COVARIATES, "kaplan-meier")


def load_libraries() -> None:
    """Import lifelines, about 1.6 CPU seconds, at a time that suits."""
    import lifelines  # noqa: F401


def kaplan_meier(lives: Lifetimes) -> tuple[Floats, Floats, Floats, Floats]:
    """Days at which some failed, from 0; the share alive after each, and its interval of 95 %.

    Source: Kaplan & Meier 1958; the interval is Greenwood's on the log(-log) scale.
    """
    from lifelines import KaplanMeierFitter

    fitted = KaplanMeierFitter().fit(lives.days, lives.is_failure)
    table, bounds = fitted.survival_function_, fitted.confidence_interval_
    at = table.index.to_numpy(dtype=np.float64)
    is_kept = np.isin(at, lives.days[lives.is_failure]) | (at == 0)
    low, high = bounds.to_numpy(dtype=np.float64)[is_kept].T
    return at[is_kept], table.to_numpy(dtype=np.float64)[is_kept, 0], low, high


def fit_accelerated(
    family: Family, lives: Lifetimes, *, with_covariates: bool = False
) -> SurvivalModel:
    scales = find_scales(lives) if with_covariates else NO_COVARIATES
    x = np.column_stack([np.ones(len(lives)), scales.standard(lives.covariates)])
    mean, spread = fit_life(family, LifeSample(np.log(lives.days), lives.is_failure, x))
    name = f"{family} with covariates" if with_covariates else family
    return AcceleratedLife(family, _draws(mean, spread), scales, name)


def fit_cox(lives: Lifetimes) -> SurvivalModel:
    """Source: Cox 1972; Breslow's baseline."""
    from lifelines import CoxPHFitter

    scales = find_scales(lives)
    frame = _frame(lives, scales)
    fitter = CoxPHFitter(penalizer=RIDGE / len(lives))
    fitted = _fit(lambda: fitter.fit(frame, "days", "failed"))
    slopes = fitted.params_.to_numpy(dtype=np.float64)
    table = fitted.baseline_cumulative_hazard_
    at = np.append(0.0, table.index.to_numpy(dtype=np.float64))
    hazard = np.append(0.0, table.to_numpy(dtype=np.float64)[:, 0])
    return BaselineHazard(at, hazard, slopes, scales, "cox with covariates")


FITTERS: Mapping[str, Callable[[Lifetimes], SurvivalModel]] = {
    "kaplan-meier": fit_kaplan_meier,
    "weibull": partial(fit_accelerated, "weibull"),
    "log-normal": partial(fit_accelerated, "log-normal"),
    "log-logistic": partial(fit_accelerated, "log-logistic"),
    "weibull with covariates": partial(fit_accelerated, "weibull", with_covariates=True),
    "log-normal with covariates": partial(fit_accelerated, "log-normal", with_covariates=True),
    "cox with covariates": fit_cox,
}


def _fit(fit: Callable[[], Any]) -> Any:  # noqa: ANN401
    import warnings

    from lifelines.exceptions import ConvergenceError, StatError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return fit()
        except (ConvergenceError, StatError, np.linalg.LinAlgError, ValueError) as error:
            raise NotFitted(str(error).splitlines()[0][:200]) from error


def _frame(lives: Lifetimes, scales: CovariateScales) -> Any:  # noqa: ANN401
    import pandas as pd

    used = scales.standard(lives.covariates)
    columns = {f"x{at}": used[:, at] for at in range(used.shape[1])}
    failed = lives.is_failure.astype(np.int64)
    return pd.DataFrame({"days": lives.days, "failed": failed, **columns})


def _draws(mean: Floats, spread: Floats) -> Floats:
    """Of the parameters, normal about the estimate; antithetic, so that their mean is right."""
    half = np.random.default_rng(SEED).standard_normal((DRAWS // 2, len(mean)))
    values, vectors = np.linalg.eigh((spread + spread.T) / 2)
    root = vectors * np.sqrt(np.clip(values, 0, 4.0))
    return np.asarray(mean + np.concatenate([half, -half]) @ root.T)
