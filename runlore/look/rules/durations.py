"""How durations are predicted, beside the simple ways to guess them, on the same runs."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.look.rules.findings import Measured, Rival
from runlore.models.scores import absolute_errors, covered, relative_accuracies
from runlore.performance.rules.limit_replay import PastRuns
from runlore.training.rules.bootstrap import draw_blocks, percentile

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LAST = 10
LEAST_RUNS = 30  # on which two ways to guess are compared


def mean_of_last(runs: PastRuns, last: int = LAST) -> Floats:
    """(n,): the mean need of an actor's last runs that were known at submission; NaN: none was."""
    actor = pd.factorize(runs.actor)[0]
    ended = pd.DataFrame({"actor": actor, "at": runs.known_us, "needed": runs.needed})
    ended = ended[np.isfinite(runs.needed)].sort_values("at", kind="stable")
    rolling = ended.groupby("actor")["needed"].rolling(last, min_periods=1).mean()
    ended["mean"] = rolling.droplevel(0)
    place = np.arange(len(actor))
    requests = pd.DataFrame({"actor": actor, "at": runs.submitted_us, "place": place})
    requests = requests.sort_values("at", kind="stable")
    known = pd.merge_asof(requests, ended[["actor", "at", "mean"]], on="at", by="actor")
    means = np.full(len(actor), np.nan)
    means[known["place"].to_numpy()] = known["mean"].to_numpy(dtype=np.float64)
    return means


def rival(name: str, at_us: Ints, actual: Floats, ours: Floats, theirs: Floats) -> Rival | None:
    """Compare on the runs for which there is such a guess; None where these are too few."""
    has = np.isfinite(theirs)
    if has.sum() < LEAST_RUNS:
        return None
    at_us, actual, ours, theirs = at_us[has], actual[has], ours[has], theirs[has]
    return Rival(
        name,
        accuracy(at_us, actual, theirs),
        accuracy(at_us, actual, ours),
        error_s(at_us, actual, theirs),
        error_s(at_us, actual, ours),
    )


def accuracy(at_us: Ints, actual: Floats, guess: Floats) -> Measured:
    """The mean of the smaller over the larger of guess and truth."""
    return _mean(at_us, actual, guess, relative_accuracies)


def error_s(at_us: Ints, actual: Floats, guess: Floats) -> Measured:
    return _mean(at_us, actual, guess, absolute_errors)


def coverage(at_us: Ints, actual: Floats, low: Floats, high: Floats) -> Measured:
    """How often the interval holds the truth."""
    held = covered(actual, low, high)
    return Measured.of(float(held.mean()), percentile(draw_blocks(at_us).means(held)), len(held))


def _mean(
    at_us: Ints, actual: Floats, guess: Floats, loss: Callable[[Floats, Floats], Floats]
) -> Measured:
    losses = loss(actual, guess)
    bounds = percentile(draw_blocks(at_us).means(losses))
    return Measured.of(float(losses.mean()), bounds, len(losses))
