"""Which variant a unit gets: always the same one, the same on every machine, nothing stored."""

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from runlore.kernel.errors import BadInput, Refused

WHOLE = 1 << 64
APART = "\x1f"
FINEST = 1e-9  # shares closer than this are equal


@dataclass(frozen=True)
class GroupShare:
    """The part of an exclusion group's units that one test may use: from `low` up to `high`."""

    group: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.group:
            raise BadInput("exclusion group: the name is empty", "group")
        if not 0 <= self.low < self.high <= 1:
            raise BadInput(f"slot {self.low} .. {self.high} of {self.group!r}: not within 0 .. 1")

    def holds(self, unit: str) -> bool:
        return self.low <= fraction(f"group{APART}{self.group}", unit) < self.high


@dataclass(frozen=True)
class Allocation:
    """How the units of one test are dealt out.

    weights: (variant, weight) in the test's own order; they need not add up to 1.
    exposure: the share of units that take part; raising it only adds units, each unit keeps its
    variant. Weights and their order must stay as they were when the test started.
    """

    salt: str
    weights: tuple[tuple[str, float], ...]
    exposure: float = 1.0
    slot: GroupShare | None = None

    def __post_init__(self) -> None:
        if not self.salt:
            raise BadInput("salt: is empty; units would get the same arm in every test", "salt")
        if not self.weights or not all(0 < weight < float("inf") for _, weight in self.weights):
            raise BadInput("weights: every variant needs a weight above 0", "weights")
        if not 0 <= self.exposure <= 1:
            raise BadInput(f"exposure: {self.exposure} is not between 0 and 1", "exposure")


def fraction(salt: str, unit: str) -> float:
    """Where a unit falls in [0, 1): as good as random, the same on every machine."""
    digest = hashlib.blake2b(f"{salt}{APART}{unit}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / (WHOLE >> 11)


def assign(allocation: Allocation, unit: str) -> str | None:
    """The variant of a unit; None when it takes no part: no name, another test's, not exposed.

    Whether a unit takes part and which variant it has are two independent draws.
    """
    if not unit or (allocation.slot is not None and not allocation.slot.holds(unit)):
        return None
    if fraction(f"{allocation.salt}{APART}exposure", unit) >= allocation.exposure:
        return None
    edges = list(accumulate(weight for _, weight in allocation.weights))
    place = fraction(f"{allocation.salt}{APART}variant", unit) * edges[-1]
    at = min(bisect_right(edges, place), len(edges) - 1)
    return allocation.weights[at][0]


def free_slot(group: str, taken: Sequence[GroupShare], share: float) -> GroupShare:
    """A part of an exclusion group that no test in `taken` uses: the first one large enough.

    Two tests of one group share no unit, because each has a part of its own.
    """
    if not 0 < share <= 1:
        raise BadInput(f"share: {share} of exclusion group {group!r} is not in 0 .. 1", "share")
    low = 0.0
    for slot in sorted((slot for slot in taken if slot.group == group), key=lambda s: s.low):
        if slot.low - low >= share - FINEST:
            break
        low = max(low, slot.high)
    else:
        if 1 - low < share - FINEST:
            raise Refused(
                f"exclusion group {group!r}: no {share:.0%} of its units are free in one piece; "
                "end a test of the group or ask for a smaller share"
            )
    return GroupShare(group, low, min(low + share, 1.0))
