"""Rows of aggregates as arrays of projects."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from runlore.planning.queries.project_profiles import ProfileRow
from runlore.planning.rules.similarity.profiles import LogMoments, Profiles, WordCounts
from runlore.records.measured_afterwards import origin

Floats = NDArray[np.float64]

MOST_PROJECTS = 1_000  # those with the most executions
MOST_KINDS, MOST_NAMES, MOST_WORDS = 60, 60, 30
HASHES = 256


def profiles_of(rows: Sequence[ProfileRow]) -> Profiles:
    """Inputs that are measured afterwards are left out."""
    by_part: dict[str, list[ProfileRow]] = {"kind": [], "number": [], "word": [], "text": []}
    for row in rows:
        if row.part in ("kind", "text") or origin(row.name) is None:
            by_part[row.part].append(row)
    sizes: dict[str, int] = {}
    for row in by_part["kind"]:
        sizes[row.scope] = sizes.get(row.scope, 0) + row.rows
    projects = sorted(sizes, key=lambda scope: (-sizes[scope], scope))[:MOST_PROJECTS]
    places = {scope: at for at, scope in enumerate(projects)}
    kept = {part: [row for row in found if row.scope in places] for part, found in by_part.items()}
    sums = _Sums(kept["kind"], places, MOST_KINDS)
    numbers = _Sums(kept["number"], places, MOST_NAMES)
    return Profiles(
        projects=tuple(projects),
        rows=np.array([sizes[scope] for scope in projects], dtype=np.float64),
        kinds=sums.names,
        kind_counts=sums.of("rows"),
        finished=sums.of("finished"),
        failed=sums.of("failed"),
        durations=LogMoments(sums.of("durations"), sums.of("mean"), sums.of("variance")),
        costs=LogMoments(sums.of("costs"), sums.of("cost_mean"), sums.of("cost_variance")),
        number_names=numbers.names,
        numbers=LogMoments(numbers.of("rows"), numbers.of("mean"), numbers.of("variance")),
        words=_words(kept["word"], places),
        texts=_texts(kept["text"], places),
    )


class _Sums:
    """Columns of rows as (P, names) arrays; names: the most frequent ones."""

    def __init__(self, rows: Sequence[ProfileRow], places: dict[str, int], most: int) -> None:
        at = _frequent([(row.name, row.rows) for row in rows], most)
        self.names = tuple(at)
        self._rows = [row for row in rows if row.name in at]
        self._cells = (
            [places[row.scope] for row in self._rows],
            [at[row.name] for row in self._rows],
        )
        self._shape = (len(places), len(at))

    def of(self, column: str) -> Floats:
        return _fill(self._shape, self._cells, [getattr(row, column) or 0 for row in self._rows])


def _frequent(counts: Sequence[tuple[str, int]], most: int) -> dict[str, int]:
    """Names -> their positions, those with the most rows first."""
    totals: dict[str, int] = {}
    for name, count in counts:
        totals[name] = totals.get(name, 0) + count
    names = sorted(totals, key=lambda name: (-totals[name], name))[:most]
    return {name: at for at, name in enumerate(names)}


def _fill(
    shape: tuple[int, int], cells: tuple[list[int], list[int]], values: Sequence[float]
) -> Floats:
    filled = np.zeros(shape)
    filled[cells] = np.array(values, dtype=np.float64)
    return filled


def _words(rows: Sequence[ProfileRow], places: dict[str, int]) -> WordCounts:
    """The most frequent words of the most frequent inputs."""
    by_name: dict[str, list[ProfileRow]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    frequent = _frequent([(row.name, row.rows) for row in rows], MOST_NAMES)
    columns = [
        (name, label)
        for name in sorted(frequent)
        for label in _frequent([(row.label, row.rows) for row in by_name[name]], MOST_WORDS)
    ]
    at = {column: place for place, column in enumerate(columns)}
    kept = [row for row in rows if (row.name, row.label) in at]
    cells = [places[row.scope] for row in kept], [at[row.name, row.label] for row in kept]
    counts = _fill((len(places), len(columns)), cells, [row.rows for row in kept])
    return WordCounts(tuple(n for n, _ in columns), tuple(label for _, label in columns), counts)


def _texts(rows: Sequence[ProfileRow], places: dict[str, int]) -> Floats:
    cells = [places[row.scope] for row in rows], [int(row.label) for row in rows]
    return _fill((len(places), HASHES if rows else 0), cells, [row.rows for row in rows])
