"""Which incoming facts are news, and the revision and `known_at` that they get."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]
NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True)
class FactDigests:
    """N facts, in order. name: (N,), the number of a fact's name. digest: (N,), of its content."""

    name: Ints
    digest: Ints
    known_at_us: Ints


@dataclass(frozen=True)
class StoredFacts:
    """Facts that are stored already, in any order."""

    digests: FactDigests
    revision: Ints


@dataclass(frozen=True)
class NewFacts:
    """The new facts. rows: their positions among the incoming facts, in order."""

    rows: Ints
    revision: Ints
    known_at_us: Ints

    def divided(self, most: int | None) -> "tuple[NewFacts, Ints]":
        """Split into the facts with a revision of at most `most` and the rows of the others."""
        if most is None:
            return self, np.zeros(0, dtype=np.int64)
        fits = self.revision <= most
        taken = NewFacts(self.rows[fits], self.revision[fits], self.known_at_us[fits])
        return taken, self.rows[~fits]


def news(incoming: FactDigests, stored: StoredFacts, at_us: int) -> NewFacts:
    """Drop the facts that are stored already, and number the others on, per name, in order.

    A fact that is not known later than those before it is a correction: it became known now, at
    `at_us`.
    """
    rows = _unheard(incoming, stored.digests)
    facts = pd.DataFrame({"name": incoming.name[rows], "natural": incoming.known_at_us[rows]})
    by_name = facts.groupby("name", sort=False)
    revision = _last(stored.digests.name, stored.revision, facts["name"], -1) + 1
    revision += by_name.cumcount().to_numpy(dtype=np.int64)
    latest = _last(stored.digests.name, stored.digests.known_at_us, facts["name"], NEVER)
    return NewFacts(rows, revision, _known_at(facts, latest, at_us))


def _unheard(incoming: FactDigests, stored: FactDigests) -> Ints:
    both = pd.DataFrame(
        {
            "name": np.concatenate([stored.name, incoming.name]),
            "digest": np.concatenate([stored.digest, incoming.digest]),
        }
    )
    is_repeat = both.duplicated().to_numpy()[stored.name.size :]
    return np.flatnonzero(~is_repeat).astype(np.int64)


def _last(names: Ints, values: Ints, wanted: "pd.Series[int]", default: int) -> Ints:
    """The largest stored value of each wanted name."""
    largest = pd.Series(values).groupby(names).max()
    at = largest.index.get_indexer(pd.Index(wanted))
    with_default = np.append(largest.to_numpy(dtype=np.int64), default)
    return with_default[at]


def _known_at(facts: pd.DataFrame, latest: Ints, at_us: int) -> Ints:
    """Fact by fact: its natural instant if that is after all before it, else now."""
    natural = facts["natural"].to_numpy(dtype=np.int64)
    so_far = facts.groupby("name", sort=False)["natural"].cummax()
    before = so_far.groupby(facts["name"], sort=False).shift(fill_value=NEVER)
    before_us = np.maximum(before.to_numpy(dtype=np.int64), latest)
    is_late = pd.Series(natural <= before_us)
    had_late = (is_late.groupby(facts["name"], sort=False).cumsum() - is_late).to_numpy() > 0
    threshold = np.where(had_late, np.maximum(before_us, at_us), before_us)
    return np.where(natural > threshold, natural, np.maximum(before_us, at_us))
