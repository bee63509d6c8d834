"""Projects as arrays: what they do, and how it goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LogMoments:
    """(P, K): how many are known, and mean and variance of their logs."""

    count: Floats
    mean: Floats
    variance: Floats


@dataclass(frozen=True, eq=False)
class WordCounts:
    """counts: (P, C). names, labels: of the columns, which are sorted by name."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    counts: Floats

    @property
    def blocks(self) -> Mapping[str, slice]:
        """The columns of each name."""
        starts = [at for at, name in enumerate(self.names) if not at or name != self.names[at - 1]]
        return {self.names[at]: slice(at, end) for at, end in pairwise([*starts, len(self.names)])}


@dataclass(frozen=True, eq=False)
class Profiles:
    """P projects. rows: (P,). kind_counts, finished, failed: (P, kinds). texts: (P, hashes)."""

    projects: tuple[str, ...]
    rows: Floats
    kinds: tuple[str, ...]
    kind_counts: Floats
    finished: Floats
    failed: Floats
    durations: LogMoments
    costs: LogMoments
    number_names: tuple[str, ...]
    numbers: LogMoments
    words: WordCounts
    texts: Floats

    def index(self, project: str) -> int | None:
        return self.projects.index(project) if project in self.projects else None
