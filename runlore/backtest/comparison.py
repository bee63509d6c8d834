"""How the policies did beside each other: scores and gains, each with its interval."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from runlore.models import scores
from runlore.models.bootstrap import draw_blocks, gains, replicate_scores
from runlore.models.evidence import in_percentiles, measured
from runlore.models.gates import Measured
from runlore.models.spec import HIGHER_IS_BETTER, Score

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Answers:
    """What came of the replayed work, and what each policy, or the baseline, had answered: (n,)."""

    as_of_us: Ints
    target: Floats
    of: Mapping[str, Floats]


@dataclass(frozen=True)
class Standing:
    """scores: with intervals. gains: of each score, by whom it is compared with; above 0 is better
    for every score."""

    scores: Mapping[Score, Measured]
    gains: Mapping[Score, Mapping[str, Measured]] = field(default_factory=dict)


def gain(score: Score, as_of_us: Ints, actual: Floats, ours: Floats, theirs: Floats) -> Measured:
    """By how much ours is better on the same rows, with its block-bootstrap interval."""
    blocks = draw_blocks(as_of_us)
    one, other = (replicate_scores(score, blocks, actual, each) for each in (ours, theirs))
    sign = 1 if score in HIGHER_IS_BETTER else -1
    value = scores.measure(score, actual, ours) - scores.measure(score, actual, theirs)
    return in_percentiles(sign * value, gains(score, one, other))


def stand(
    answers: Answers, against: tuple[str, ...], *, is_probability: bool
) -> dict[str, Standing]:
    """Each one's scores, and its gains over those of `against` that are there."""
    asked = scores.scores_of(is_probability=is_probability)
    blocks = draw_blocks(answers.as_of_us)
    drawn = {
        name: {s: replicate_scores(s, blocks, answers.target, told) for s in asked}
        for name, told in answers.of.items()
    }
    values = {
        name: {s: scores.measure(s, answers.target, told) for s in asked}
        for name, told in answers.of.items()
    }
    found = {}
    for name in answers.of:
        others = [other for other in against if other in drawn and other != name]
        found[name] = Standing(
            {s: measured(s, values[name][s], drawn[name][s]) for s in asked},
            {
                s: {
                    other: in_percentiles(
                        _better(s, values[name][s], values[other][s]),
                        gains(s, drawn[name][s], drawn[other][s]),
                    )
                    for other in others
                }
                for s in asked
            },
        )
    return found


def _better(score: Score, ours: float, theirs: float) -> float:
    return ours - theirs if score in HIGHER_IS_BETTER else theirs - ours
