"""Figures that people look at: plain arrays in, a matplotlib figure out, no global state.

Titles say what was found, with the number; subtitles say how to read it.
"""

from runlore.training.plots.comparison import CandidateScore, candidates, importance
from runlore.training.plots.probability import calibration, gain
from runlore.training.plots.quantity import coverage, residuals
from runlore.training.plots.weekly import over_time, weekly

__all__ = [
    "CandidateScore",
    "calibration",
    "candidates",
    "coverage",
    "gain",
    "importance",
    "over_time",
    "residuals",
    "weekly",
]
