"""The simulated world: actors, kinds, hosts, and the spells in which something is broken."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.simulate.scenario import Scenario

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

KIND_NAMES = ("extract", "clean", "join", "train", "score", "report", "export", "backup")
# Between two cells on one sorted axis: longer than any span, so that cells never mix.
STRIDE_S = 1e9


@dataclass(frozen=True, slots=True)
class Spells:
    """Half-open intervals of time in seconds, each for one cell (a host, or an actor × kind)."""

    cell: Ints
    start_s: Floats
    stop_s: Floats

    def running(self, cell: Ints, at_s: Floats) -> Ints:
        """The number of the cell's spells at that moment."""
        at = cell * STRIDE_S + at_s
        begun = np.searchsorted(np.sort(self.cell * STRIDE_S + self.start_s), at, side="right")
        ended = np.searchsorted(np.sort(self.cell * STRIDE_S + self.stop_s), at, side="right")
        return begun - ended


@dataclass(frozen=True, slots=True)
class World:
    """Habits: `actors` and `kinds` hold one row each; log-odds are of failing.

    kind_odds: actor × kind, cumulative shares of what an actor runs.
    affinity: actor × kind, log-odds added when this actor runs this kind.
    degraded: cells are hosts; failing: cells are actor * kinds + kind.
    """

    actors: pd.DataFrame
    kinds: pd.DataFrame
    kind_odds: Floats
    affinity: Floats
    degraded: Spells
    failing: Spells

    @property
    def changed(self) -> Ints:
        """The kinds that the planted change touches: the two that are run most."""
        share = self.actors["share"].to_numpy() @ np.diff(self.kind_odds, axis=1, prepend=0)
        return np.sort(np.argsort(-share)[:2])


def draw_world(scenario: Scenario, rng: np.random.Generator) -> World:
    popularity = 1 / np.arange(1, scenario.kinds + 1) ** 0.8
    taste = popularity * rng.gamma(0.6, size=(scenario.actors, scenario.kinds))
    return World(
        actors=_actors(scenario, rng),
        kinds=_kinds(scenario, rng),
        kind_odds=np.cumsum(taste / taste.sum(axis=1, keepdims=True), axis=1),
        affinity=rng.normal(0, 0.7, (scenario.actors, scenario.kinds)),
        degraded=_degraded(scenario, rng),
        failing=_failing(scenario, rng),
    )


def _actors(scenario: Scenario, rng: np.random.Generator) -> pd.DataFrame:
    count = scenario.actors
    activity = rng.lognormal(0, 0.6, count)
    return pd.DataFrame(
        {
            "name": [f"user-{i + 1:02}" for i in range(count)],
            "share": activity / activity.sum(),
            "log_odds": rng.normal(0, 0.5, count),
            "size": rng.lognormal(0, 0.25, count),
            "pace": rng.lognormal(0, 0.2, count),
            "hour": rng.choice([9.5, 14.0, 19.0, 2.0], count, p=[0.4, 0.4, 0.1, 0.1]),
            "home": rng.integers(scenario.hosts, size=count),
        }
    )


def _kinds(scenario: Scenario, rng: np.random.Generator) -> pd.DataFrame:
    count = scenario.kinds
    extra = [f"kind-{i + 1:02}" for i in range(len(KIND_NAMES), count)]
    return pd.DataFrame(
        {
            "name": [*KIND_NAMES, *extra][:count],
            "typical_s": rng.permutation(np.geomspace(150, 5400, count)),
            "typical_gb": rng.lognormal(np.log(12), 0.3, count),
            "scaling": rng.uniform(0.5, 1.1, count),
            "log_odds": rng.normal(0, 0.4, count),
        }
    )


def _degraded(scenario: Scenario, rng: np.random.Generator) -> Spells:
    """Draw the hosts' bad spells: about one in forty days each."""
    spells = max(1, scenario.days // 40)
    host, part = np.divmod(np.arange(scenario.hosts * spells), spells)
    slot_s = scenario.span_s / spells
    length_s = np.minimum(rng.uniform(3, 7, host.size) * 86_400, slot_s / 2)
    start_s = part * slot_s + rng.uniform(0, 1, host.size) * (slot_s - length_s)
    return Spells(host, start_s.round(), (start_s + length_s).round())


def _failing(scenario: Scenario, rng: np.random.Generator) -> Spells:
    """Draw when an actor's work of one kind breaks, and stays broken until it is fixed."""
    cells = scenario.actors * scenario.kinds
    cell = np.repeat(np.arange(cells), rng.poisson(scenario.days / 60, cells))
    start_s = rng.uniform(0, scenario.span_s, cell.size)
    stop_s = np.minimum(start_s + rng.exponential(6 * 86_400, cell.size), scenario.span_s)
    return Spells(cell, start_s.round(), stop_s.round())
