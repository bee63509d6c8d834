"""Take the day and the week out of a series, so that its level can be seen."""

import warnings

import numpy as np

from runlore.signals.rules.series.grid import Floats
from runlore.signals.rules.series.seasons import find_seasons

LEAST_CYCLES = 4
LEAST_GAIN = 0.1  # less error in cycles that the profile has not seen


def without_cycles(values: Floats, step_s: int) -> Floats:
    """Remove cycles whose profile from every other cycle fits the rest; the level stays.

    Values that are all above 0 are divided by the profile, others lose it by subtraction.
    """
    present = values[np.isfinite(values)]
    is_log = bool(len(present)) and float(present.min()) > 0
    rest = np.log(values) if is_log else values
    seasons = find_seasons(step_s, len(values))
    for season in (seasons.short, seasons.long):
        if season > 1 and len(values) >= LEAST_CYCLES * season:
            rest = rest - _cycle(rest, season)
    return np.exp(rest) if is_log else rest


def _cycle(values: Floats, season: int) -> Floats:
    """The profile, repeated over the series; zeros where it does not fit."""
    padded = np.pad(values, (0, -len(values) % season), constant_values=np.nan)
    rows = padded.reshape(-1, season)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of cycles without any value
        rows = rows - np.nanmedian(rows, axis=1, keepdims=True)
        learned, seen = _profile(rows[::2]), rows[1::2]
        error, former = np.nanmean(np.abs(seen - learned)), np.nanmean(np.abs(seen))
        if not error < (1 - LEAST_GAIN) * former:
            return np.zeros(len(values))
        return np.tile(_profile(rows), len(rows))[: len(values)]


def _profile(rows: Floats) -> Floats:
    profile = np.nan_to_num(np.nanmedian(rows, axis=0))
    return profile - np.median(profile)
