"""Hazards, remaining lives and calendars of visits on fleets whose truth is known; AI4I failures.

    python bench/maintenance.py hazards [--fleets 40] [--seed 2030]
    python bench/maintenance.py calendars [--fleets 12] [--seed 2030]
    python bench/maintenance.py ai4i FILE.csv.gz [--seed 2030]

A line of JSON for each sort of fleet. Seeds below 100 were used for choosing, 2030 for the figures.

hazards: 40 devices, 500 days of history, lives censored by visits that come by chance. Then each
device has its age, and the truth is when it fails next. concordance: of the risk of 30 days with
the time left; brier: of that risk; calibration: failures foretold for each one that came, and the
mean distance of foretold and true share by tenths of the risk. coverage: of the interval of 80 %.

calendars: 30 devices, 500 days of history, then a year with a plan every 14 days: its visits of
these days are made, at most one a day of work. A visit costs 1, a failure 10. Beside it: visits at
a fixed age, for the best of twelve ages in hindsight over all fleets of the sort; run to failure.
gain: share of the cost that is saved, of the same fleets; interval of 95 % by resampling fleets.

ai4i: failure modes are never used. F1 and average precision over five folds; the threshold comes
from predictions of training rows by models that had not seen them: out of bag, or five folds
inside. physics: power = torque x speed, temperature difference, wear x torque: known beforehand.
trees: 100 bagged trees on all columns; spec: the engine's random forest, from a CSV file through a
mapping and a model spec.
"""

import argparse
import json
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from worlds.ai4i import measure_ai4i
from worlds.maintained import SORTS, FleetSort, SimulatedFleet

from runlore.advice.rules.maintenance.accelerated_life import NotFitted
from runlore.advice.rules.maintenance.choosing import choose_survival
from runlore.advice.rules.maintenance.lifetimes import Floats, Lifetimes, build_lifetimes
from runlore.advice.rules.maintenance.remaining import Remaining, find_remaining, grid_of
from runlore.advice.rules.maintenance.survival import (
    SurvivalModel,
    fit_constant,
    fit_kaplan_meier,
)
from runlore.advice.rules.maintenance.visit_calendar import FleetState, plan_visits
from runlore.advice.rules.maintenance.visit_costs import MaintenanceCosts
from runlore.advice.rules.maintenance.visit_slots import VisitSlots

HISTORY, YEAR, STEP, HORIZON = 500.0, 364.0, 14.0, 28.0
COSTS = MaintenanceCosts(1.0, 10.0)
AGES = (20, 30, 40, 50, 60, 70, 80, 90, 105, 120, 150, 200)
RISK_DAYS = 30.0


def hazards(sort: FleetSort, fleets: int, seed: int) -> dict[str, object]:
    from lifelines.utils import concordance_index

    rows: dict[str, list[Floats]] = {}
    concordance: dict[str, list[float]] = {}
    chosen: dict[str, int] = {}
    for at in range(fleets):
        fleet = SimulatedFleet(sort, 40, seed + at)
        fleet.run_history(HISTORY)
        left = fleet.fails_at - HISTORY
        lives = build_lifetimes(fleet.log(HISTORY), 0.0)
        is_open = lives.take(lives.is_open)
        model = choose_survival(lives).model
        assert model is not None
        chosen[model.name] = chosen.get(model.name, 0) + 1
        for name, one in _models(model, lives).items():
            made = find_remaining(one, is_open, grid_of(lives, RISK_DAYS))
            risk = made.risk(RISK_DAYS)
            inside = (left >= made.early) & (left <= made.late)
            rows.setdefault(name, []).append(np.column_stack([risk, left <= RISK_DAYS, inside]))
            concordance.setdefault(name, []).append(concordance_index(left, -_rank(made, risk)))
    return {
        "sort": sort.name,
        "fleets": fleets,
        "models": chosen,
        **{name: _scored(np.concatenate(rows[name]), concordance[name]) for name in rows},
    }


def _models(chosen: SurvivalModel, lives: Lifetimes) -> dict[str, SurvivalModel]:
    models = {"chosen": chosen, "constant": fit_constant(lives)}
    with suppress(NotFitted):
        models["kaplan-meier"] = fit_kaplan_meier(lives)
    return models


def _rank(made: Remaining, risk: Floats) -> Floats:
    """The risk, as it is compared: differences below what a float can bear are ties."""
    return np.round(risk, 9)


def _scored(rows: Floats, concordance: list[float]) -> dict[str, object]:
    risk, failed, inside = rows.T
    tenths = np.array_split(np.argsort(risk, kind="stable"), 10)
    distance = np.mean([abs(risk[one].mean() - failed[one].mean()) for one in tenths])
    return {
        "concordance": round(float(np.mean(concordance)), 3),
        "brier": round(float(((risk - failed) ** 2).mean()), 4),
        "foretold_to_true": round(float(risk.sum() / failed.sum()), 3),
        "calibration_error": round(float(distance), 4),
        "coverage_80": round(float(inside.mean()), 3),
        "devices": len(rows),
    }


def calendars(sort: FleetSort, fleets: int, seed: int) -> dict[str, object]:
    costs: dict[str, list[float]] = {}
    for at in range(fleets):
        for name, policy in _policies().items():
            fleet = SimulatedFleet(sort, 30, seed + at)
            fleet.run_history(HISTORY)
            costs.setdefault(name, []).append(_replay(fleet, policy))
    table = {name: np.array(values) for name, values in costs.items()}
    best = min((name for name in table if name.startswith("age ")), key=lambda n: table[n].sum())
    ours = table["calendar"]
    return {
        "sort": sort.name,
        "fleets": fleets,
        "cost": {name: round(float(table[name].mean()), 1) for name in ("calendar", best, "none")},
        "gain_beside_best_age": _gain(ours, table[best]),
        "gain_beside_none": _gain(ours, table["none"]),
    }


class CalendarPolicy:
    """The model is fitted again every 13 weeks, visits are planned every two."""

    def __init__(self) -> None:
        self.fitted_at, self.model = -np.inf, None

    def __call__(self, fleet: SimulatedFleet, now: float) -> dict[int, float]:
        lives = build_lifetimes(fleet.log(now), 0.0)
        if now - self.fitted_at >= 91:
            self.fitted_at, self.model = now, choose_survival(lives).model
        if self.model is None:
            return {}
        open_lives = lives.take(lives.is_open)
        made = plan_visits(self.model, FleetState(lives, open_lives), SLOTS, COSTS, HORIZON)
        return _within(open_lives, made.chosen, now)


class AgePolicy:
    def __init__(self, age: float) -> None:
        self.age = age

    def __call__(self, fleet: SimulatedFleet, now: float) -> dict[int, float]:
        from runlore.advice.rules.maintenance.fixed_intervals import FixedInterval

        lives = build_lifetimes(fleet.log(now), 0.0)
        open_lives = lives.take(lives.is_open)
        placed = FixedInterval(self.age, 0.0, 0.0).place(open_lives.days, SLOTS.days, SLOTS.room)
        return _within(open_lives, placed, now)


def _policies() -> dict[str, object]:
    ages = {f"age {age}": AgePolicy(age) for age in AGES}
    return {"calendar": CalendarPolicy(), "none": lambda fleet, now: {}, **ages}


def _slots() -> VisitSlots:
    days = np.array([day + 0.5 for day in range(int(HORIZON)) if day % 7 < 5])
    return VisitSlots(np.zeros(len(days), np.int64), np.ones(len(days), np.int64), days, 1, 3600.0)


SLOTS = _slots()


def _within(lives: Lifetimes, slots: np.ndarray, now: float) -> dict[int, float]:
    """Visits of the next step: by device, the day."""
    pairs = zip(lives.scope.tolist(), slots.tolist(), strict=True)
    days = {device: now + float(SLOTS.days[slot]) for device, slot in pairs if slot >= 0}
    return {device: day for device, day in days.items() if day < now + STEP}


def _replay(fleet: SimulatedFleet, policy: object) -> float:
    cost, now = 0.0, HISTORY
    while now < HISTORY + YEAR:
        visits, failures = fleet.run(now + STEP, policy(fleet, now))  # type: ignore[operator]
        cost += COSTS.visit * visits + COSTS.failure * failures
        now += STEP
    return cost


def _gain(ours: Floats, other: Floats) -> dict[str, float]:
    random = np.random.default_rng(1)
    drawn = random.integers(0, len(ours), (4_000, len(ours)))
    gains = 1 - ours[drawn].sum(axis=1) / other[drawn].sum(axis=1)
    low, high = np.quantile(gains, [0.025, 0.975])
    gain = 1 - ours.sum() / other.sum()
    return {"gain": round(float(gain), 3), "low": round(low, 3), "high": round(high, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["hazards", "calendars", "ai4i"])
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--fleets", type=int, default=0)
    parser.add_argument("--seed", type=int, default=2030)
    said = parser.parse_args()
    if said.part == "ai4i":
        for row in measure_ai4i(said.file, said.seed):
            print(json.dumps(row), flush=True)
        return
    part, usual = (hazards, 40) if said.part == "hazards" else (calendars, 12)
    for sort in SORTS:
        began = time.process_time()
        row = part(sort, said.fleets or usual, said.seed)
        print(json.dumps(row | {"cpu_s": round(time.process_time() - began)}), flush=True)


if __name__ == "__main__":
    main()
