"""A test whose arms end alike and are not equally fast names a winner at most α often.

Each world is an A/B test of three weeks with 2,000 units a day, of which a fifth convert: after an
hour on average in the control, after more in the variant. It is looked at every six hours.
"Before" is a plan without `window_s`, which counts a unit as 0 until it converts; such a plan is
refused now, and one of an older release decides nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from promised.row import Row

from runlore.experiments.rules.analysis import Observed, analyse_metrics
from runlore.experiments.rules.design import Variant, design
from runlore.experiments.rules.outcome_metric import Metric
from runlore.kernel.durations import HOUR_S
from runlore.kernel.moments import moments_of_counts

Floats = NDArray[np.float64]
SEED, DAYS, PER_DAY, RATE = 8, 21, 2_000, 0.2
LOOKS_H = np.arange(24.0, DAYS * 24 + 1, 6.0)
WINDOW_H = 7 * 24.0
DELAYS_H = (1.0, 3.0, 6.0, 24.0)
TEST = design("delays", (Variant("b"),), (Metric("converted", "proportion", "higher"),))
STORED = {"converted": "the plan has no window_s"}


@dataclass(frozen=True)
class Arm:
    """When each unit came and when it converted, in hours, both in order; inf: never."""

    came: Floats
    converted: Floats
    came_of_converted: Floats

    def without_window(self, at: float) -> tuple[int, int]:
        return int((self.came <= at).sum()), int((self.converted <= at).sum())

    def with_window(self, at: float) -> tuple[int, int]:
        """Units whose window is over, and those of them that converted within it."""
        is_over = self.came_of_converted <= at - WINDOW_H
        in_time = self.converted <= self.came_of_converted + WINDOW_H
        return int((self.came <= at - WINDOW_H).sum()), int((is_over & in_time).sum())


def drawn(rng: np.random.Generator, delay_h: float) -> Arm:
    came = rng.uniform(0, DAYS * 24.0, PER_DAY * DAYS // 2)
    is_one = rng.random(came.size) < RATE
    return Arm(came, came[is_one] + rng.exponential(delay_h, int(is_one.sum())), came[is_one])


def wins(counts: list[tuple[tuple[int, int], tuple[int, int]]], at: Floats, stored: bool) -> bool:
    return any(
        analyse_metrics(
            TEST,
            {name: _observed(*of) for name, of in zip(("control", "b"), pair, strict=True)},
            hours * HOUR_S,
            STORED if stored else {},
        ).winner
        is not None
        for pair, hours in zip(counts, at.tolist(), strict=True)
    )


def _observed(units: int, hits: int) -> Observed:
    return Observed(units, {"converted": moments_of_counts(units, hits)})


def rows(delay_h: float, worlds: int, seed: int) -> Iterator[Row]:
    rng = np.random.default_rng([SEED, seed])
    won = np.zeros(3, dtype=np.int64)
    for _ in range(worlds):
        arms = drawn(rng, 1.0), drawn(rng, delay_h)
        plain = [(arms[0].without_window(at), arms[1].without_window(at)) for at in LOOKS_H]
        late = [(arms[0].with_window(at), arms[1].with_window(at)) for at in LOOKS_H]
        won += [
            wins(plain, LOOKS_H, stored=False),
            wins(late, LOOKS_H, stored=False),
            wins(plain, LOOKS_H, stored=True),
        ]
    rules = ("before: no window", "now: 7 days", "now: stored without one")
    for rule, count in zip(rules, won.tolist(), strict=True):
        label = f"outcomes after 1 h and {delay_h:.0f} h"
        yield Row(label, rule, count / worlds, worlds, "≤ 5 %")


def run(worlds: int) -> Iterable[Row]:
    for seed, delay_h in enumerate(DELAYS_H):
        yield from rows(delay_h, worlds, seed)
