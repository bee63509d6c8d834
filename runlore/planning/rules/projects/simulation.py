"""What a project takes, by simulation of its tasks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.residual_spread import ResidualSpread
from runlore.planning.rules.shared_errors import SharedErrors

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RUNS = 4_000
SEED = 29
SAME = 1e-9  # share of the project's time: a task with less slack is critical


@dataclass(frozen=True, eq=False)
class AlikeTasks:
    """Tasks of one kind: (k,) positions, log answers and scales, and the distribution of errors."""

    at: Ints
    answers: Floats
    scales: Floats
    spread: ResidualSpread
    shared: SharedErrors


@dataclass(frozen=True, eq=False)
class ProjectRuns:
    """total: (runs,) sums. span: (runs,) from the first start to the last end, when all that can
    run at once does. critical: (n,) share of runs in which a task is on the longest path."""

    total: Floats
    span: Floats
    critical: Floats


def simulate_amounts(parts: Sequence[AlikeTasks], runs: int = RUNS) -> Floats:
    """(runs, n) amounts. A kind's errors share a part, by a Gaussian copula (one factor)."""
    random = np.random.default_rng(SEED)
    amounts = np.empty((runs, sum(len(part.at) for part in parts)))
    for part in parts:
        correlation = part.shared.draw(random, runs)
        shared = random.standard_normal((runs, 1))
        own = random.standard_normal((runs, len(part.at)))
        scores = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
        errors = part.scales * part.spread.at_scores(scores)
        amounts[:, part.at] = np.exp(part.answers + errors)
    return amounts


def run_project(
    amounts: Floats, order: Sequence[int], after: Sequence[Sequence[int]]
) -> ProjectRuns:
    """order: positions, each behind those in its `after`. amounts: (runs, n)."""
    columns = np.ascontiguousarray(amounts.T)
    ends, tails = np.zeros_like(columns), np.zeros_like(columns)
    for at in order:
        start = ends[list(after[at])].max(axis=0) if len(after[at]) else 0.0
        ends[at] = start + columns[at]
    for at in reversed(order):
        rest = tails[at] + columns[at]
        for before in after[at]:
            np.maximum(tails[before], rest, out=tails[before])
    span: Floats = ends.max(axis=0)
    critical = (ends + tails >= span * (1 - SAME)).mean(axis=1)
    return ProjectRuns(columns.sum(axis=0), span, critical)
