"""The data that trains and tests a model: feature rows as they were known, and targets."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runlore.features import mapped_arrays
from runlore.kernel.errors import BadInput

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Labels = NDArray[Any]  # text; as objects, equal labels share one

ROWS_AT_ONCE = 65_536  # a model's copies of them take some 100 MB


@dataclass(frozen=True)
class TrainingSet:
    """Finished executions of one population, ordered by `as_of_us`.

    rows: (n, F), NaN where nothing was known. target: (n,), the finite values to predict.
    as_of_us: when each row was read. known_us: when its target became known.
    names: of the F features. actors: (n,), for scores by slice. slices: further labels by name.
    """

    rows: Rows
    target: Floats
    as_of_us: Ints
    known_us: Ints
    names: tuple[str, ...]
    actors: Labels
    slices: Mapping[str, Labels] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.rows)
        if self.rows.shape != (n, len(self.names)):
            raise BadInput(f"rows are {self.rows.shape}, but there are {len(self.names)} names")
        columns = {
            "target": self.target,
            "as_of_us": self.as_of_us,
            "known_us": self.known_us,
            "actors": self.actors,
            **self.slices,
        }
        for name, column in columns.items():
            if len(column) != n:
                raise BadInput(f"{name} has {len(column)} values for {n} rows", name)
        if not np.isfinite(self.target).all():
            raise BadInput("target: every row needs a finite value; leave the others out", "target")
        if (np.diff(self.as_of_us) < 0).any():
            raise BadInput("as_of_us: rows must be ordered by it; sort them", "as_of_us")

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> Floats:
        """(n,): the values of one feature."""
        return self.rows[:, self.names.index(name)].astype(np.float64)

    def part(self, positions: Ints) -> Rows:
        """The rows at these positions; neighbours are not copied."""
        if positions.size and (np.diff(positions) == 1).all():
            return self.rows[positions[0] : positions[-1] + 1]
        return self.rows[positions]

    def digest(self) -> str:
        """sha256 of rows, targets, instants and names: which data taught this model."""
        digest = hashlib.sha256("\x1f".join(self.names).encode())
        for part in (self.rows, self.target, self.as_of_us, self.known_us):
            digest.update(str(part.shape).encode())
            for piece in mapped_arrays.pieces(len(part), part[:1].nbytes):
                digest.update(np.ascontiguousarray(part[piece]).data)
        return digest.hexdigest()


def in_pieces(answer: Callable[[slice], Floats], rows: int) -> Floats:
    """Concatenate the answers for slices of `ROWS_AT_ONCE` rows, so that copies stay small."""
    pieces = [slice(at, min(at + ROWS_AT_ONCE, rows)) for at in range(0, rows, ROWS_AT_ONCE)]
    answers = []
    for piece in pieces or [slice(0, 0)]:
        answers.append(answer(piece))
        mapped_arrays.release()
    return np.concatenate(answers) if len(answers) > 1 else answers[0]
