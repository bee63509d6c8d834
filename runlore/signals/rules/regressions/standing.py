"""Which change of a series stands: it went the bad way and has not been undone."""

from collections.abc import Sequence

from runlore.signals.rules.regressions.bad_direction import BadDirection
from runlore.signals.rules.regressions.regression import LevelChange


def is_bad(change: LevelChange, bad: BadDirection) -> bool:
    return bad == "both" or (change.size > 0) == (bad == "up")


def standing_change(
    changes: Sequence[LevelChange], bad: BadDirection, least: float
) -> LevelChange | None:
    """The newest bad change after which the level has not come back to within `least`.

    changes: the oldest first. Where both directions are bad, a level that is back ends it, too.
    """
    standing: LevelChange | None = None
    usual = 0.0
    for change in changes:
        if standing is None:
            usual = change.before
        is_back = standing is not None and abs(change.after - usual) <= least * abs(usual)
        if is_back or (standing is not None and not is_bad(change, bad) and _better(change, usual)):
            standing = None
        elif is_bad(change, bad):
            standing = change
    return standing


def _better(change: LevelChange, usual: float) -> bool:
    """Whether a change the good way has passed the usual level."""
    return (change.after - usual) * change.size > 0
