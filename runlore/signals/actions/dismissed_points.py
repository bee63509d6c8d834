"""Which points of a series are not reported, since such ones were dismissed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from runlore.signals.actions.scored_series import ScoredSeries
from runlore.signals.queries.dismissals import Dismissal
from runlore.signals.rules.anomalies.alarm_budget import LEAST_EXCESS, SILENCE_S
from runlore.signals.rules.series.grid import SECOND_US

TOLERANCE = 1.25  # times the size that was dismissed
Flags = NDArray[np.bool_]


def is_dismissed(one: ScoredSeries, dismissed: Sequence[Dismissal]) -> Flags:
    """Of each point of a series."""
    residual = one.values - one.expected
    inside = np.zeros(len(one.at), bool)
    of = one.series
    for row in dismissed:
        if (row.source, row.name, row.scope) == (of.source, of.name, of.scope):
            inside |= (np.sign(residual) == row.direction) & (
                np.abs(residual) <= TOLERANCE * row.size
            )
    inside |= _is_echo(one, inside & (one.excess > LEAST_EXCESS))
    return inside


def _is_echo(one: ScoredSeries, dismissed: Flags) -> Flags:
    """Points whose own value is usual, and whose shape holds a dismissed one: within the silence
    that its alarm would have brought.
    """
    last = np.maximum.accumulate(np.where(dismissed, np.arange(len(one.at)), -1))
    is_near = (last >= 0) & (one.at - one.at[last] <= SILENCE_S * SECOND_US)
    is_usual = (one.values >= one.low) & (one.values <= one.high)
    echo: Flags = is_near & is_usual
    return echo
