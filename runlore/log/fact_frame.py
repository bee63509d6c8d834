"""Facts as they come out of PostgreSQL, gathered into a frame that stays small."""

from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from runlore.features import mapped_arrays
from runlore.features.mapped_arrays import TextSpool
from runlore.records.execution import EXECUTION_COLUMNS, NO_INSTANT

COLUMNS = ("seq", "revision", *EXECUTION_COLUMNS)
NUMBERS = ("seq", "revision")
INSTANTS = ("submitted", "started", "finished", "submission_known_at", "known_at")
TEXTS = ("source_id", "inputs", "outcome")  # nearly every row has its own
WORDS = ("source", "actor", "kind", "scope", "status")  # the same few again and again
UTC_US = pa.timestamp("us", "UTC")
TYPES = {
    **dict.fromkeys(NUMBERS, pa.int64()),
    **dict.fromkeys(INSTANTS, UTC_US),
    **dict.fromkeys((*TEXTS, *WORDS), pa.string()),
}


class FactFrame:
    """Takes facts in pieces and makes one frame of them.

    Numbers and instants are int64. Words are Python strings that equal cells share. Names, inputs
    and outcomes are Arrow text; that of a large log lies in a temporary file, so that they take
    memory only while they are read.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, list[NDArray[np.int64]]] = {n: [] for n in (*NUMBERS, *INSTANTS)}
        self._words: dict[str, _Words] = {name: _Words() for name in WORDS}
        self._texts: dict[str, TextSpool] = {name: TextSpool() for name in TEXTS}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for spool in self._texts.values():
            spool.close()

    def add(self, rows: bytearray) -> None:
        """Take facts as CSV without a header, in COLUMNS."""
        self.add_table(_table(rows))

    def add_table(self, table: pa.Table) -> None:
        """Take facts as a table of COLUMNS: instants as int64 microseconds or as timestamps."""
        for name in NUMBERS:
            self._numbers[name].append(table[name].to_numpy())
        for name in INSTANTS:
            us = pc.fill_null(table[name].cast(pa.int64()), NO_INSTANT)
            self._numbers[name].append(us.to_numpy())
        for name, words in self._words.items():
            words.add(table[name].combine_chunks())
        for name, spool in self._texts.items():
            spool.add(table[name].combine_chunks())

    def finish(self) -> pd.DataFrame:
        """All facts; nothing can be added after."""
        columns: dict[str, Any] = {}
        for name in (*EXECUTION_COLUMNS, *NUMBERS):
            if name in TEXTS:
                text = self._texts[name].finish()
                columns[name] = pd.array(text, dtype=pd.ArrowDtype(pa.string()))
            elif name in WORDS:
                columns[name] = self._words.pop(name).cells()
            else:
                columns[name] = mapped_arrays.joined(self._numbers.pop(name), np.int64)
                mapped_arrays.release()
        return pd.DataFrame(columns, copy=False)


class _Words:
    """A column of words as numbers, with each word once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._codes: list[NDArray[np.int32]] = []

    def add(self, column: pa.Array) -> None:
        encoded = column.dictionary_encode()
        known = self._numbers
        numbers = [known.setdefault(word, len(known)) for word in encoded.dictionary.to_pylist()]
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        self._codes.append(np.array(numbers, dtype=np.int32)[codes])

    def cells(self) -> NDArray[np.object_]:
        words: NDArray[np.object_] = np.array(list(self._numbers), dtype=object)
        cells: NDArray[np.object_] = words[np.concatenate([*self._codes, np.empty(0, np.int32)])]
        return cells


def _table(rows: bytearray) -> pa.Table:
    return pa_csv.read_csv(
        pa.py_buffer(rows),
        pa_csv.ReadOptions(column_names=COLUMNS, block_size=len(rows) + 1),
        pa_csv.ParseOptions(newlines_in_values=True),
        pa_csv.ConvertOptions(column_types=TYPES, null_values=[""], strings_can_be_null=False),
    )
