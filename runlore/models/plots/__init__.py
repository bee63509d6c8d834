"""Figures that people look at: plain arrays in, a matplotlib figure out, no global state.

Titles say what was found, with the number; subtitles say how to read it.
"""

from runlore.models.plots.comparison import CandidateScore, candidates, importance
from runlore.models.plots.drifting import ColumnOverTime, drift_over_time
from runlore.models.plots.probability import calibration, gain
from runlore.models.plots.quantity import coverage, residuals
from runlore.models.plots.weekly import over_time, weekly

__all__ = [
    "CandidateScore",
    "ColumnOverTime",
    "calibration",
    "candidates",
    "coverage",
    "drift_over_time",
    "gain",
    "importance",
    "over_time",
    "residuals",
    "weekly",
]
