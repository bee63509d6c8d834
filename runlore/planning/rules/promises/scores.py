"""How good promises and estimates of the past were."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from runlore.planning.rules.estimate_scores import score_estimates
from runlore.planning.rules.promises.boosting import LEVELS
from runlore.planning.rules.promises.calibration import kept_share
from runlore.planning.rules.promises.likeness import is_hit
from runlore.planning.rules.promises.track import PromiseTrack
from runlore.plots.style import wilson


@dataclass(frozen=True)
class PromiseScores:
    """share: of tasks that were promised; kept: of those, what came true.

    low, high: the 95 % interval, tasks of one day and actor taken as dependent; None: too few.
    wilson_low: its low end if all were independent. The errors are those of all estimates;
    mae_median is that of the median of all.
    """

    tasks: int
    promised: int
    share: float
    kept: float | None
    low: float | None
    high: float | None
    wilson_low: float | None
    pred_15: float
    pred_25: float
    md_mre: float
    sa: float | None
    mae: float
    mae_median: float
    coverage: Mapping[str, float]


def score_track(track: PromiseTrack) -> PromiseScores:
    """Of tasks whose outcome is known."""
    track = track.part(np.isfinite(track.truth))
    hits = is_hit(track.truth, track.values)
    made = kept_share(track.is_made, hits, track.groups)
    truth, count = np.exp(track.truth), len(LEVELS)
    inside = {
        f"{LEVELS[count - 1 - at] - LEVELS[at]:.0%}": float(
            np.mean(
                (track.truth >= track.quantiles[:, at])
                & (track.truth <= track.quantiles[:, count - 1 - at])
            )
        )
        for at in reversed(range(count // 2))
    }
    errors = score_estimates(
        truth, np.exp(track.values), np.full(len(truth), np.median(truth)), inside
    )
    low = None
    if made.made:
        kept = np.array([float(hits[track.is_made].sum())])
        low = float(wilson(kept, np.array([float(made.made)]))[0][0])
    return PromiseScores(
        tasks=len(truth),
        promised=made.made,
        share=made.share,
        kept=made.kept,
        low=made.low,
        high=made.high,
        wilson_low=low,
        **vars(errors),
    )
