"""Which version answers a request: the champion, or the challenger for its share of units."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runlore.rollout.assignment import fraction
from runlore.usecases.promotion import Arms

if TYPE_CHECKING:
    from bentos.serving import Live


@dataclass(frozen=True)
class Challenge:
    """A challenger with what it answers. Never changed."""

    live: "Live"
    arms: Arms

    def takes(self, spec: str, unit: str) -> bool:
        """Whether a unit is the challenger's: always the same answer for the same version.

        A larger share takes those of a smaller one, and more. A unit without a name is nobody's.
        """
        if not unit or not self.arms.share:
            return False
        return fraction(f"{spec}\x1f{self.live.bundle.digest}", unit) < self.arms.share
