"""How often intervals held in each group of work, on the outcomes that are known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.features.declaration import FeaturePlan
from runlore.models.scores import covered
from runlore.performance.rules.maturity import MatchedPredictions, weights
from runlore.performance.rules.realised import LEAST_LABELS
from runlore.training.rules.bootstrap import draw_blocks
from runlore.training.rules.evidence import WIDTH, in_percentiles, largest, width_labels
from runlore.training.rules.gates import ScoreInterval
from runlore.training.rules.training_set import Labels

Rows = NDArray[np.float32]

GROUPED_BY = ("actor", "kind", "scope")
UNKNOWN = "(unknown in training)"
REPLICATES = 200


@dataclass(frozen=True)
class GroupCoverage:
    """The share of a group's outcomes that their intervals held.

    slice: the grouping, such as `kind`; label: the group. is_off: the interval of the share leaves
    out what was meant.
    """

    slice: str
    label: str
    rows: int
    share: ScoreInterval
    is_off: bool


def group_labels(plan: FeaturePlan, rows: Rows) -> dict[str, Labels]:
    """Grouping -> (n,) words of (n, F) rows, for those of `GROUPED_BY` that the plan has."""
    labels = {}
    for vocabulary in plan.categories:
        if vocabulary.name in GROUPED_BY:
            codes = rows[:, plan.names.index(vocabulary.name)]
            words = np.array([*vocabulary.words, UNKNOWN])
            known = (codes >= 0) & (codes < len(vocabulary.words))
            labels[vocabulary.name] = words[np.where(known, codes, -1).astype(np.int64)]
    return labels


def group_coverage(
    answered: MatchedPredictions, labels: Mapping[str, Labels], meant: float
) -> tuple[GroupCoverage, ...]:
    """The coverage of the largest groups with LEAST_LABELS known outcomes, and by width.

    labels: grouping -> (n,) words. Running work is treated as censored.
    """
    known = answered.is_known & np.isfinite(answered.low) & np.isfinite(answered.high)
    if not known.any():
        return ()
    weight = weights(answered)[known]
    mine = answered.take(known)
    slices = {name: words[known] for name, words in labels.items()}
    slices[WIDTH] = width_labels(mine.low, mine.high)
    return tuple(_measured(mine, weight, slices, meant))


def _measured(
    mine: MatchedPredictions,
    weight: NDArray[np.float64],
    slices: Mapping[str, Labels],
    meant: float,
) -> Iterator[GroupCoverage]:
    held = covered(mine.actual, mine.low, mine.high)
    for name, words in slices.items():
        for label, where in largest(words):
            if where.sum() < LEAST_LABELS:
                continue
            blocks = draw_blocks(mine.as_of_us[where], REPLICATES)
            value = float(np.average(held[where], weights=weight[where]))
            drawn = blocks.sums((weight * held)[where]) / blocks.sums(weight[where])
            share = in_percentiles(value, drawn)
            is_off = not share.low <= meant <= share.high
            yield GroupCoverage(name, label, int(where.sum()), share, is_off)
