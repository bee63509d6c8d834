"""How much the errors of tasks that are done together have in common."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.residual_spread import ResidualSpread

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK, LEAST_BLOCK, BLOCKS = 10, 3, 8  # tasks of a sum; smaller ones where there are few blocks
MOST_BLOCKS = 100  # the newest
CORRELATIONS = np.array([0.0, 0.02, 0.05, 0.1, 0.16, 0.24, 0.34, 0.46, 0.6, 0.75, 0.9])
RUNS = 400
SEED = 29


@dataclass(frozen=True, eq=False)
class SharedErrors:
    """weights: (c,) how plausible each of CORRELATIONS is."""

    weights: Floats

    @property
    def mean(self) -> float:
        return float(self.weights @ CORRELATIONS)

    def draw(self, random: np.random.Generator, runs: int) -> Floats:
        """(runs, 1): one correlation for each run, so that sums are as uncertain as it is."""
        return random.choice(CORRELATIONS, (runs, 1), p=self.weights)


@dataclass(frozen=True, eq=False)
class HeldSums:
    """Tasks held out, in order: (h,) log answers, scales and log truths, and their groups."""

    answers: Floats
    scales: Floats
    truths: Floats
    groups: Sequence[Hashable]


def learn_shared_errors(held: HeldSums, spread: ResidualSpread) -> SharedErrors:
    """From sums of ten consecutive tasks of one group: which correlation explains their errors.

    Errors of a kind share one factor (Gaussian copula). Each correlation weighs by the likelihood
    of the logs of the sums, taken as normal; before, all are equally plausible.
    """
    blocks = _blocks(held.groups)
    if not len(blocks):
        return SharedErrors(np.full(len(CORRELATIONS), 1 / len(CORRELATIONS)))
    random = np.random.default_rng(SEED)
    shared = random.standard_normal((RUNS, len(blocks), 1))
    own = random.standard_normal((RUNS, *blocks.shape))
    truths = np.log(np.exp(held.truths[blocks]).sum(axis=1))
    likelihoods = np.empty(len(CORRELATIONS))
    for at, correlation in enumerate(CORRELATIONS):
        scores = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
        amounts = np.exp(held.answers[blocks] + held.scales[blocks] * spread.at_scores(scores))
        sums = np.log(amounts.sum(axis=2))
        low, middle, high = np.quantile(sums, (0.16, 0.5, 0.84), axis=0)
        width = np.maximum((high - low) / 2, 1e-6)
        errors = (truths - middle) / width
        likelihoods[at] = (-np.log(width) - errors**2 / 2).sum()
    weights = np.exp(likelihoods - likelihoods.max())
    return SharedErrors(weights / weights.sum())


def _blocks(groups: Sequence[Hashable]) -> Ints:
    """(b, size): positions of consecutive tasks of one group, the newest blocks."""
    size = int(np.clip(len(groups) // BLOCKS, LEAST_BLOCK, BLOCK))
    waiting: dict[Hashable, list[int]] = {}
    blocks = []
    for at, group in enumerate(groups):
        block = waiting.setdefault(group, [])
        block.append(at)
        if len(block) == size:
            blocks.append(waiting.pop(group))
    return np.array(blocks[-MOST_BLOCKS:], dtype=np.int64).reshape(-1, size)
