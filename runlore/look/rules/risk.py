"""How much of the failures was foreseeable: on runs that nothing was learned from."""

import numpy as np
from numpy.typing import NDArray

from runlore.look.rules.findings import Gain, Measured, RiskGroup
from runlore.plots.style import groups, wilson
from runlore.training.rules.bootstrap import Blocks, draw_blocks, percentile

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHARES = np.round(np.concatenate([np.arange(0, 0.2, 0.02), np.arange(0.2, 1.01, 0.05)]), 2)
TOP = 0.1  # the share of runs that a person might look at


class RankedRisk:
    """Runs ranked by risk once, to count failures among the riskiest under many weights."""

    def __init__(self, failed: Floats, risk: Floats) -> None:
        levels, code = np.unique(-risk, return_inverse=True)
        self._failed, self._code, self._levels = failed, code, levels.size

    def caught(self, shares: Floats, weight: Floats | None = None) -> Floats:
        """(shares,): the share of all failures among so many of the riskiest runs.

        Runs of equal risk come in any order: of these it is the expected share. weight: (n,), how
        often each run counts.
        """
        weight = np.ones(len(self._failed)) if weight is None else weight
        counts = np.bincount(self._code, weights=weight, minlength=self._levels)
        fails = np.bincount(self._code, weights=self._failed * weight, minlength=self._levels)
        if not fails.sum():
            return np.full(shares.shape, np.nan)
        runs = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
        share = np.concatenate([[0.0], np.cumsum(fails) / fails.sum()])
        return np.asarray(np.interp(shares, runs, share))


def gain(at_us: Ints, failed: Floats, ours: Floats, simple: Floats) -> Gain:
    """The curve of `caught` for the model, with its 95 % band, and for the simple guess."""
    blocks = draw_blocks(at_us)
    replicates = _replicates(blocks, RankedRisk(failed, ours), SHARES)
    low, high = np.nanquantile(replicates, [0.025, 0.975], axis=0)
    return Gain(
        shares=_tuple(SHARES),
        ours=_tuple(RankedRisk(failed, ours).caught(SHARES)),
        ours_low=_tuple(low),
        ours_high=_tuple(high),
        simple=_tuple(RankedRisk(failed, simple).caught(SHARES)),
    )


def top_share(at_us: Ints, failed: Floats, risk: Floats) -> Measured:
    """The share of failures among the riskiest tenth, by block bootstrap."""
    tenth = np.array([TOP])
    ranked = RankedRisk(failed, risk)
    replicates = _replicates(draw_blocks(at_us), ranked, tenth)[:, 0]
    value = float(ranked.caught(tenth)[0])
    return Measured.of(value, percentile(replicates), len(failed))


def base_rate(at_us: Ints, failed: Floats) -> Measured:
    replicates = draw_blocks(at_us).means(failed)
    return Measured.of(float(failed.mean()), percentile(replicates), len(failed))


def unforeseen(at_us: Ints, failed: Floats, risk: Floats) -> Measured:
    """The share of failures whose risk was no higher than the average run's."""
    is_low = (risk <= risk.mean()).astype(np.float64)
    blocks = draw_blocks(at_us)
    fails = blocks.sums(failed)
    with np.errstate(invalid="ignore", divide="ignore"):
        replicates = blocks.sums(failed * is_low) / fails
    value = float((failed * is_low).sum() / failed.sum()) if failed.sum() else float("nan")
    return Measured.of(value, percentile(replicates), int(failed.sum()))


def risk_groups(failed: Floats, risk: Floats) -> tuple[RiskGroup, ...]:
    """Ten groups of about equal size by risk: what was predicted and what came."""
    made = []
    for group in groups(risk):
        count = float(group.size)
        hits = float(failed[group].sum())
        low, high = wilson(np.array([hits]), np.array([count]))
        actual = Measured(hits / count, float(low[0]), float(high[0]), group.size)
        made.append(RiskGroup(float(risk[group].mean()), actual))
    return tuple(made)


def _replicates(blocks: Blocks, ranked: RankedRisk, shares: Floats) -> Floats:
    """(replicates, shares): `caught` in each resampled series."""
    weights = (blocks.weights(at) for at in range(len(blocks.starts)))
    return np.array([ranked.caught(shares, weight) for weight in weights])


def _tuple(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
