"""Which version answers a request: the champion, or the challenger for its share of units."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runlore.usecases.promotion import Arms

if TYPE_CHECKING:
    from bentos.serving import Live

WHOLE = 1 << 64


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


def fraction(salt: str, unit: str) -> float:
    """Where a unit falls in [0, 1): as good as random, the same on every machine."""
    digest = hashlib.blake2b(f"{salt}\x1f{unit}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / WHOLE
