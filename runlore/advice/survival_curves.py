"""How scopes fail with age: shares alive and hazards, to be drawn."""

from dataclasses import dataclass

import numpy as np

from runlore.advice.actions.maintenance import MaintenancePlan
from runlore.advice.rules.maintenance.lifetimes import Floats
from runlore.advice.rules.maintenance.survival import (
    SurvivalModel,
    fit_constant,
    kaplan_meier,
    survival,
)

POINTS = 120


@dataclass(frozen=True, eq=False)
class SurvivalCurves:
    """seen_days: at which some failed; seen, low, high: Kaplan-Meier with its interval of 95 %.

    days: ages, from 0 to the longest life. model, constant: shares alive of a new scope with mean
    covariates. model_hazard, constant_hazard: failures a day of those alive, at these ages.
    """

    seen_days: Floats
    seen: Floats
    low: Floats
    high: Floats
    days: Floats
    model: Floats
    constant: Floats
    model_hazard: Floats
    constant_hazard: Floats


def survival_curves(plan: MaintenancePlan) -> SurvivalCurves | None:
    """None: too few failures are known."""
    lives, model = plan.log.lives, plan.choice.model
    if model is None:
        return None
    days = np.linspace(0, float(lives.days.max()), POINTS + 1)
    unknown = np.full((1, lives.covariates.shape[1]), np.nan)
    ours, plain = (_alive(one, days, unknown) for one in (model, fit_constant(lives)))
    seen = kaplan_meier(lives)
    return SurvivalCurves(*seen, days, ours, plain, _hazard(days, ours), _hazard(days, plain))


def _alive(model: SurvivalModel, days: Floats, covariates: Floats) -> Floats:
    """Of the model at its mean covariates."""
    alive: Floats = survival(model, np.zeros(1), days[None], covariates)[0]
    return alive


def _hazard(days: Floats, alive: Floats) -> Floats:
    """(n - 1,): between neighbouring ages."""
    logs = np.log(np.maximum(alive, 1e-9))
    return np.asarray(-np.diff(logs) / np.diff(days))
