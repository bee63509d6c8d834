"""Score a version's answers window by window: measured, estimated, and how mature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from runlore.performance.rules import direct, feature_support, maturity, recalibration, trust
from runlore.performance.rules.assumption import Assumption
from runlore.performance.rules.estimated import estimate
from runlore.performance.rules.feature_support import FeatureSupport
from runlore.performance.rules.maturity import MatchedPredictions
from runlore.performance.rules.realised import RealisedScores, realise
from runlore.specs.model_spec import Score
from runlore.training.rules.gates import ScoreInterval

RIPE = 0.5  # share of a window's outcomes that must be known before a verdict


@dataclass(frozen=True)
class WindowPerformance:
    """Answers after `first_us`, until `last_us`.

    maturity: of the outcomes that will be known, the share that is. estimated: empty where it is
    withdrawn or there is none; assumptions: those of the estimate, tested.
    """

    first_us: int
    last_us: int
    answers: int
    maturity: float
    realised: RealisedScores
    estimated: Mapping[Score, ScoreInterval] = field(default_factory=dict)
    assumptions: tuple[Assumption, ...] = ()

    @property
    def withdrawn(self) -> tuple[Assumption, ...]:
        return tuple(assumption for assumption in self.assumptions if assumption.holds is False)


def measure(
    answered: MatchedPredictions,
    edges_us: Sequence[int],
    support: FeatureSupport | None,
    *,
    is_probability: bool,
) -> tuple[WindowPerformance, ...]:
    """Windows between neighbouring edges, oldest first; those without an answer are left out."""
    delays = maturity.delays(answered)
    windows = []
    for first, last in pairwise(edges_us):
        inside = (answered.as_of_us > first) & (answered.as_of_us <= last)
        if not inside.any():
            continue
        mine = answered.take(inside)
        realised = realise(mine, answered, is_probability=is_probability)
        ripe = float(delays.maturity(mine.age_s).mean())
        window = WindowPerformance(first, last, len(mine), ripe, realised)
        supported = _support(support, inside)
        if is_probability:
            until = answered.take(answered.as_of_us <= last)
            window = _with_probabilities(window, mine, until, supported)
        else:
            before = answered.take(answered.as_of_us <= first)
            window = _with_quantities(window, mine, before, supported)
        windows.append(window)
    return tuple(windows)


def _with_probabilities(
    window: WindowPerformance,
    mine: MatchedPredictions,
    until: MatchedPredictions,
    support: Assumption,
) -> WindowPerformance:
    enough = trust.are_enough(mine.prediction)
    calibrated = trust.is_calibrated(until, mine.prediction)
    window = replace(window, assumptions=(enough, calibrated, support))
    if window.withdrawn:
        return window
    return replace(window, estimated=estimate(mine.prediction, recalibration.doubt(until)))


def _with_quantities(
    window: WindowPerformance,
    mine: MatchedPredictions,
    before: MatchedPredictions,
    support: Assumption,
) -> WindowPerformance:
    estimate = direct.estimate(before, mine)
    window = replace(window, assumptions=(trust.are_many(len(mine)), estimate.errors, support))
    return window if window.withdrawn else replace(window, estimated=estimate.scores)


def _support(support: FeatureSupport | None, inside: NDArray[np.bool_]) -> Assumption:
    if support is None:
        empty = np.zeros((0, 0), dtype=np.float32)
        return feature_support.is_supported(empty, empty, ())
    return feature_support.is_supported(
        support.rows[inside], support.taught, support.names, support.categories
    )


def together(
    windows: Sequence[WindowPerformance], least_labels: int
) -> Sequence[WindowPerformance]:
    """The newest ripe window, with as few before it as it takes to hold so many outcomes.

    All of them when they hold fewer; none when none is ripe.
    """
    place = judged(windows, 1)
    ripe = [] if place is None else windows[: place + 1]
    labels = 0
    for back, window in enumerate(reversed(ripe), 1):
        labels += window.realised.labels
        if labels >= least_labels:
            return ripe[-back:]
    return ripe


def judged(windows: Sequence[WindowPerformance], least_labels: int) -> int | None:
    """The place of the newest window that a verdict may rest on; None when there is none."""
    ripe = [
        place
        for place, window in enumerate(windows)
        if window.maturity >= RIPE and window.realised.labels >= least_labels
    ]
    return ripe[-1] if ripe else None
