"""One summary per persona, so that the number of its posts gives nothing away."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PersonaSummaries:
    """n personas, without their names.

    rates: (n,) mean engagement rate of its posts, in percent.
    best_hours: (n,) local hour 0..23 at which its posts did best; -1: cannot be said.
    tag_personas, tags, tag_lifts: (m,) rows of personas with a hashtag, and by how many percentage
        points its posts with it did better than its others.

    What is not finite is left out; the persona is charged all the same.
    """

    rates: Floats
    best_hours: Ints
    tag_personas: Ints
    tags: tuple[str, ...]
    tag_lifts: Floats

    def __post_init__(self) -> None:
        if not len(self.rates) == len(self.best_hours):
            raise ValueError("rates and best hours are not of the same personas")
        if not len(self.tag_personas) == len(self.tags) == len(self.tag_lifts):
            raise ValueError("hashtags and their lifts differ in length")


def whole(values: Floats, bound: int) -> Ints:
    """Rounded, clamped to ± bound; without those that are not finite."""
    finite = values[np.isfinite(values)]
    rounded: Ints = np.clip(np.rint(finite), -bound, bound).astype(np.int64)
    return rounded
