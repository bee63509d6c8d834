"""Figures that people look at: plain arrays in, a matplotlib figure out, no global state.

Titles state the result with its number; subtitles explain how to read the figure.
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
