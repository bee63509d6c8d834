"""Demo data of A/B tests: one that was decided, and one that goes on, on simulated units."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from json import dumps
from typing import TYPE_CHECKING, Any

from runlore.cli.demo.tour import ACTOR, DemoWorld

if TYPE_CHECKING:
    import numpy as np

    from runlore.experiments.actions.plan import Plan

UNITS_A_DAY = 250
WAIT = timedelta(hours=1)  # from a unit's variant to its event
WINDOW_S = 6 * 3600


@dataclass(frozen=True)
class SimulatedTest:
    """true_rates: of success, by variant; the test is to find their order."""

    name: str
    description: str
    true_rates: tuple[tuple[str, float], ...]
    days: int
    least_units: int


TESTS = (
    SimulatedTest(
        "demo-size-warning",
        "Simulated: does a warning before large jobs make more of them succeed?",
        (("no warning", 0.78), ("warning", 0.86)),
        days=9,
        least_units=800,
    ),
    SimulatedTest(
        "demo-retry-sooner",
        "Simulated: do jobs succeed as often when retries begin sooner?",
        (("as before", 0.80), ("sooner", 0.805)),
        days=5,
        least_units=4000,
    ),
)


def add_experiments(world: DemoWorld) -> str:
    """Plan, run and analyse the tests day by day, until now."""
    import numpy as np

    from runlore.experiments.actions import lifecycle

    known = {test.name for test in lifecycle.every(world.app.store)}
    for number, test in enumerate(TESTS):
        if test.name not in known:
            _run(world, test, np.random.default_rng(number))
    states = [f"{test.name}: {lifecycle.find(world.app.store, test.name).state}" for test in TESTS]
    return f"A/B tests: {', '.join(states)}"


def _run(world: DemoWorld, test: SimulatedTest, random: "np.random.Generator") -> None:
    from runlore.experiments.actions import analysis, lifecycle
    from runlore.experiments.actions.lifecycle import Attribution

    store, began = world.app.store, world.now - timedelta(days=test.days)
    lifecycle.create(store, _plan(test), Attribution(ACTOR, began))
    lifecycle.start(store, test.name, Attribution(ACTOR, began))
    for day in range(1, test.days + 1):
        at = began + timedelta(days=day)
        if lifecycle.find(store, test.name).state != "running":
            return
        _fill_day(world, test, at - timedelta(days=1) + WAIT, random)
        analysis.analyse(store, test.name, Attribution(ACTOR, at))


def _plan(test: SimulatedTest) -> "Plan":
    from runlore.experiments.actions.plan import Plan

    document: dict[str, Any] = {
        "name": test.name,
        "description": test.description,
        "variants": [{"name": name} for name, _ in test.true_rates],
        "control": test.true_rates[0][0],
        "metrics": [{"name": "success", "event": "success"}],
        "rule": {"least_units": test.least_units, "least_time_h": 48},
        "window_s": WINDOW_S,
    }
    return Plan.model_validate(document)


def _fill_day(
    world: DemoWorld, test: SimulatedTest, at: datetime, random: "np.random.Generator"
) -> None:
    """New units get their variants, and those that succeed send their event an hour later."""
    from runlore.experiments.actions import lifecycle, unit_intake

    store, rates = world.app.store, dict(test.true_rates)
    units = [f"{test.name}-{at:%m%d}-{number:04}" for number in range(UNITS_A_DAY)]
    dealt = lifecycle.assign(store, test.name, units, at)
    draws = random.random(len(dealt))
    successes = [
        one.unit for one, draw in zip(dealt, draws, strict=True) if draw < rates[one.variant]
    ]
    unit_intake.record(store, test.name, _events(successes, at + WAIT), at + WAIT)


def _events(units: Sequence[str], at: datetime) -> bytes:
    rows = [
        {"id": u, "unit": u, "event": "success", "value": 1.0, "at": at.isoformat()} for u in units
    ]
    return dumps(rows).encode()
