"""Compare policies: scores and gains, each with its interval."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from runlore.models import scores
from runlore.specs.model_spec import Score
from runlore.training.rules import evidence
from runlore.training.rules.bootstrap import draw_blocks
from runlore.training.rules.gain import consecutive_blocks, gain
from runlore.training.rules.gates import ScoreInterval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PolicyPredictions:
    """What came of the replayed work, and what each policy, or the baseline, had answered: (n,)."""

    as_of_us: Ints
    target: Floats
    of: Mapping[str, Floats]


@dataclass(frozen=True)
class PolicyScores:
    """scores: with intervals. gains: of each score, by whom it is compared with; above 0 is better
    for every score."""

    scores: Mapping[Score, ScoreInterval]
    gains: Mapping[Score, Mapping[str, ScoreInterval]] = field(default_factory=dict)


def stand(
    answers: PolicyPredictions, against: tuple[str, ...], *, is_probability: bool
) -> dict[str, PolicyScores]:
    """Each one's scores, and its gains over those of `against` that are there."""
    names = scores.scores_of(is_probability=is_probability)
    blocks, edges = draw_blocks(answers.as_of_us), consecutive_blocks(answers.as_of_us)
    drawn = {
        name: {s: evidence.draw(s, blocks, answers.target, prediction) for s in names}
        for name, prediction in answers.of.items()
    }
    standings = {}
    for name, mine in drawn.items():
        others = [other for other in against if other in drawn and other != name]
        standings[name] = PolicyScores(
            {s: mine[s].measured for s in names},
            {
                s: {
                    other: gain(s, edges, answers.target, answers.of[name], answers.of[other])
                    for other in others
                }
                for s in names
            },
        )
    return standings
