"""Facts as columns: inputs and outcomes out of their JSON, vectorised."""

import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.json as pa_json
from numpy.typing import NDArray

from runlore.features import mapped_arrays
from runlore.features.declaration import LARGEST
from runlore.features.matured import matured_value
from runlore.records.execution import NO_INSTANT, RUN_LENGTH, Scalar

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]
JSON_BLOCK_BYTES = 64 << 20
DURATIONS = frozenset({"duration_s", "log_duration"})
PIECE_ROWS = 32_768  # JSON objects that are parsed at once


def expand(objects: "pd.Series[str]", rows: Ints | None = None) -> pd.DataFrame:
    """Turn JSON objects into a frame: a row per object, a column per key.

    A cell depends on its own row only. A column is float64, where booleans are 0 and 1 and NaN
    means no value, or of objects: text, None for no value, and numbers among text as float. Text
    that looks like an instant stays text. Lists and objects count as no value, and a key without a
    value in any row has no column.

    rows: positions of the objects to turn, in any order; None: all. They are read in pieces.
    """
    n = len(objects) if rows is None else rows.size
    columns: dict[str, NDArray[Any]] = {}
    for where, part in _text_pieces(objects, rows):
        for name, values in _expand_piece(part).items():
            known = columns.get(name)
            if known is None or (known.dtype != object and values.dtype == object):
                known = columns[name] = _column(n, values.dtype, known)
            known[where] = values if known.dtype == values.dtype else _none_for_nan(values)
    return pd.DataFrame(columns, index=range(n), copy=False)


def hash_text(texts: "pd.Series[str]", rows: Ints) -> NDArray[np.uint64]:
    """(rows,): a number for each text at these positions; equal texts have equal numbers."""
    hashes = mapped_arrays.empty((rows.size,), np.uint64)
    for where, part in _text_pieces(texts, rows):
        hashes[where] = pd.util.hash_array(part.to_numpy(dtype=object), categorize=False)
    return hashes


def _text_pieces(
    texts: "pd.Series[str]", rows: Ints | None
) -> Iterator[tuple[slice | Ints, "pd.Series[str]"]]:
    """Texts with the places where they belong in the result, `PIECE_ROWS` at once."""
    if rows is None:
        for start in range(0, len(texts), PIECE_ROWS):
            piece = slice(start, start + PIECE_ROWS)
            yield piece, texts.iloc[piece]
            mapped_arrays.release()
        return
    order = None if (np.diff(rows) >= 0).all() else np.argsort(rows, kind="stable")
    for start in range(0, rows.size, PIECE_ROWS):
        piece = slice(start, start + PIECE_ROWS)
        where = piece if order is None else order[piece]
        positions = rows[where]
        first = positions[0]
        yield where, texts.iloc[first : positions[-1] + 1].iloc[positions - first]
        mapped_arrays.release()


def _column(n: int, kind: np.dtype[Any], known: NDArray[Any] | None) -> NDArray[Any]:
    """A column without values, or with those of a column of numbers that becomes one of objects."""
    if kind == np.float64:
        column = mapped_arrays.empty((n,), kind)
        column[:] = np.nan
        return column
    return np.full(n, None, dtype=object) if known is None else _none_for_nan(known)


def _none_for_nan(values: NDArray[Any]) -> NDArray[np.object_]:
    objects = values.astype(object)
    objects[np.isnan(values)] = None
    return objects


def _expand_piece(objects: "pd.Series[str]") -> dict[str, NDArray[Any]]:
    lines = "\n".join(objects.tolist()).encode()
    if len(lines) < 3 * len(objects) or not len(objects):  # "{}" everywhere
        return {}
    table = _read(lines)
    if table is None or table.num_rows != len(objects):
        return _expand_mixed(objects)
    columns = {name: _plain(table[name]) for name in table.column_names}
    return {name: column for name, column in columns.items() if column is not None}


def _read(lines: bytes) -> pa.Table | None:
    """None where a key holds numbers in one row and text, truth values or objects in another."""
    try:
        table = _parse(lines, pa.schema([]))
        instants = [field for field in table.schema if pa.types.is_temporal(field.type)]
        if instants:
            table = _parse(lines, pa.schema([(field.name, pa.string()) for field in instants]))
    except pa.ArrowInvalid:
        return None
    return table


def _parse(lines: bytes, schema: pa.Schema) -> pa.Table:
    return pa_json.read_json(
        io.BytesIO(lines),
        pa_json.ReadOptions(block_size=min(max(len(lines) + 1, 1024), JSON_BLOCK_BYTES)),
        pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="infer"),
    )


def _plain(column: pa.ChunkedArray) -> NDArray[Any] | None:
    if pa.types.is_string(column.type):
        return column.to_pandas().to_numpy(dtype=object)  # type: ignore[no-any-return]
    if pa.types.is_nested(column.type) or column.null_count == len(column):
        return None
    return column.cast(pa.float64(), safe=False).to_numpy()  # type: ignore[no-any-return]


def _expand_mixed(objects: "pd.Series[str]") -> dict[str, NDArray[Any]]:
    codes, distinct = pd.factorize(objects.to_numpy(dtype=object))
    rows = json.loads(f"[{','.join(distinct)}]", parse_int=float)
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: _mixed([_scalar(row.get(name)) for row in rows]) for name in names}
    return {name: column[codes] for name, column in columns.items() if column is not None}


def _scalar(value: object) -> str | float | None:
    if value is None or isinstance(value, str):
        return value
    return float(value) if isinstance(value, float | bool) else None


def _mixed(values: list[str | float | None]) -> NDArray[Any] | None:
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return None
    return np.array(values, dtype=np.float64 if kinds == {float} else object)


def numbers(column: "pd.Series[Any]") -> Floats:
    """float64, NaN where there is no number; booleans are 0 and 1, text is no number."""
    if column.dtype == object:
        codes, values = pd.factorize(column)
        return np.array([*map(number, values), math.nan])[codes]
    plain: Floats = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return plain + 0.0


def number(value: object) -> float:
    """One value as `numbers` has it.

    >>> number(True), number("12"), number(-0.0), number(10**400)
    (1.0, nan, 0.0, inf)
    """
    if not isinstance(value, int | float):
        return math.nan
    try:
        return float(value) + 0.0
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def word(value: Scalar) -> str:
    """A value as text, the same for equal numbers; no value is the empty text.

    >>> word(4), word(4.0), word(True), word(None)
    ('4.0', '4.0', '1.0', '')
    """
    if value is None or isinstance(value, str):
        return value or ""
    known = number(value)
    return "" if math.isnan(known) else repr(known)


def number_words(column: "pd.Series[Any]") -> Ints:
    """(rows,): 0 for an empty cell, otherwise a number that only rows with the same word share."""
    codes, values = pd.factorize(column)
    if values.dtype != object:
        return codes.astype(np.int64) + 1
    of_value, words = pd.factorize(np.array([word(value) for value in values], dtype=object))
    numbered = np.where(words == "", 0, np.arange(1, len(words) + 1))
    return np.append(numbered[of_value], 0)[codes].astype(np.int64)


def singles(values: Floats) -> Singles:
    """Convert values to the float32 of feature rows: infinite ones become finite, NaN stays."""
    return np.minimum(np.maximum(values, -LARGEST), LARGEST).astype(np.float32)


@dataclass(frozen=True)
class Results:
    """The results of n executions as columns of shape (n,): instants in µs or NO_INSTANT.

    outcome: measured results by name; NaN where there is no number. known: when each became known;
    None: not said.
    """

    status: NDArray[np.object_]
    submitted: Ints
    started: Ints
    finished: Ints
    outcome: Mapping[str, Floats]
    known: Ints | None = None

    def value(self, name: str) -> Floats:
        """(n,): one value of the outcomes; NaN where an outcome lacks it."""
        if name == "failed":
            return np.not_equal(self.status, "succeeded").astype(np.float64)
        if name == "duration_s":
            return self._durations()
        if name == "log_duration":
            return np.log1p(np.maximum(self._durations(), 0.0))
        if name == "wait_s":
            return seconds_between(self.submitted, self.started)
        if matured := matured_value(name):
            since = np.where(self.started == NO_INSTANT, self.finished, self.started)
            since = np.where(since == NO_INSTANT, self.submitted, since)
            values = matured.of(self.outcome, since, self.finished, self.known)
            return np.clip(values, -LARGEST, LARGEST)
        nothing = np.full(self.submitted.shape, np.nan)
        return np.clip(self.outcome.get(name.removeprefix("outcome."), nothing), -LARGEST, LARGEST)

    def _durations(self) -> Floats:
        """(n,): seconds from start to end; else what the outcome says of it."""
        between = seconds_between(self.started, self.finished)
        measured = self.outcome.get(RUN_LENGTH)
        if measured is None:
            return between
        usable = np.where((measured >= 0) & (measured <= LARGEST), measured, np.nan)
        return np.where(np.isnan(between), usable, between)

    def values(self, names: Sequence[str]) -> Floats:
        """(n, values)."""
        table = mapped_arrays.empty((self.submitted.size, len(names)), np.float64)
        for at, name in enumerate(names):
            table[:, at] = self.value(name)
        return table


def seconds_between(start: Ints, end: Ints) -> Floats:
    known = (start != NO_INSTANT) & (end != NO_INSTANT)
    return np.where(known, (end - np.where(known, start, end)) / 1e6, np.nan)


@dataclass(frozen=True)
class OutcomeValues:
    """Values of outcomes, a column each; NaN where an outcome lacks the value."""

    names: tuple[str, ...]
    table: Floats  # (facts, values)

    def of(self, names: Sequence[str]) -> Floats:
        """(facts, names), C-contiguous."""
        if tuple(names) == self.names:
            return self.table
        return np.ascontiguousarray(self.table[:, [self.names.index(name) for name in names]])


def measure(facts: pd.DataFrame, names: Sequence[str]) -> OutcomeValues:
    """Read `failed`, `duration_s`, `log_duration`, `wait_s` and `outcome.NAME` of each fact.

    `outcome.NAME@168h` needs `known_at` of the facts, too: see `matured`.
    """
    wanted = list(dict.fromkeys(one for name in names for one in read_outcomes(name)))
    outcomes = expand(facts["outcome"]) if wanted else pd.DataFrame()
    outcome = {name: numbers(outcomes[name]) for name in wanted if name in outcomes}
    if RUN_LENGTH not in outcome and not DURATIONS.isdisjoint(names):
        outcome |= _lengths(facts)
    results = Results(
        status=facts["status"].to_numpy(dtype=object),
        submitted=facts["submitted"].to_numpy(dtype=np.int64),
        started=facts["started"].to_numpy(dtype=np.int64),
        finished=facts["finished"].to_numpy(dtype=np.int64),
        outcome=outcome,
        known=facts["known_at"].to_numpy(dtype=np.int64) if "known_at" in facts else None,
    )
    return OutcomeValues(tuple(names), results.values(names))


def read_outcomes(name: str) -> tuple[str, ...]:
    """The names of the outcomes that a value is computed from.

    >>> read_outcomes("outcome.cost_usd"), read_outcomes("failed")
    (('cost_usd',), ())
    """
    if matured := matured_value(name):
        return matured.reads
    return (name.removeprefix("outcome."),) if name.startswith("outcome.") else ()


def _lengths(facts: pd.DataFrame) -> dict[str, Floats]:
    """The outcome RUN_LENGTH of the facts whose start or end is unknown: only these need it."""
    begun, ended = (facts[name].to_numpy(dtype=np.int64) for name in ("started", "finished"))
    rows = np.flatnonzero((begun == NO_INSTANT) | (ended == NO_INSTANT))
    measured = expand(facts["outcome"], rows) if rows.size else pd.DataFrame()
    if RUN_LENGTH not in measured:
        return {}
    lengths = np.full(len(facts), np.nan)
    lengths[rows] = numbers(measured[RUN_LENGTH])
    return {RUN_LENGTH: lengths}
