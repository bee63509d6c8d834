"""Tasks of a log as arrays: what they are, and what they took once that is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.planning.rules.task_table import Description

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_FIELDS = 12
MOST_NUMBERS = 8
LEAST_REPEATED = 0.2  # of tasks: the value of a field occurs in another task, too
LEAST_NUMERIC = 0.9
UNKNOWN_US = np.iinfo(np.int64).max // 4  # an outcome that is not known


@dataclass(frozen=True)
class FieldCodes:
    """names: fields that make tasks alike. codes: of their values. numbers: numeric inputs."""

    names: tuple[str, ...]
    codes: tuple[Mapping[str, int], ...]
    numbers: tuple[str, ...]

    def encode(self, tasks: Sequence[Description]) -> tuple[Ints, Floats]:
        """(n, fields) codes, -1 for a value that is new; (n, numbers), NaN where not known."""
        fields = np.full((len(tasks), len(self.names)), -1, dtype=np.int64)
        for at, (name, known) in enumerate(zip(self.names, self.codes, strict=True)):
            fields[:, at] = [known.get(_text(task.get(name)), -1) for task in tasks]
        numbers = np.full((len(tasks), len(self.numbers)), np.nan)
        for at, name in enumerate(self.numbers):
            numbers[:, at] = _numbers([task.get(name) for task in tasks])
        return fields, numbers


@dataclass(frozen=True, eq=False)
class CodedTasks:
    """n tasks in order of submission.

    fields: (n, fields) codes; numbers: (n, numbers); values: (n,) logs of what they took.
    known_us: (n,) when that was known; UNKNOWN_US: not yet.
    """

    fields: Ints
    numbers: Floats
    values: Floats
    submitted_us: Ints
    known_us: Ints

    def __len__(self) -> int:
        return len(self.values)

    def part(self, at: Ints | slice) -> "CodedTasks":
        return CodedTasks(
            self.fields[at],
            self.numbers[at],
            self.values[at],
            self.submitted_us[at],
            self.known_us[at],
        )


def learn_codes(tasks: Sequence[Description]) -> FieldCodes:
    """Fields whose values repeat and vary, the most repeated first; numeric inputs besides."""
    names = sorted({name for task in tasks for name in task})
    texts = {name: pd.Series([_text(task.get(name)) for task in tasks]) for name in names}
    repeated = {name: _repeated(column) for name, column in texts.items()}
    ranked = sorted(names, key=lambda name: (-repeated[name], name))
    often = [name for name in ranked if repeated[name] >= LEAST_REPEATED]
    fields = _distinct({name: texts[name] for name in often})[:MOST_FIELDS]
    numeric = [name for name in names if _is_numeric([task.get(name) for task in tasks])]
    return codes_of(tasks, fields, numeric[:MOST_NUMBERS])


def codes_of(
    tasks: Sequence[Description], fields: Sequence[str], numbers: Sequence[str]
) -> FieldCodes:
    """The values of these fields in these tasks, numbered."""
    codes = []
    for name in fields:
        values = pd.Series([_text(task.get(name)) for task in tasks], dtype=object).unique()
        codes.append({text: code for code, text in enumerate(values.tolist())})
    return FieldCodes(tuple(fields), tuple(codes), tuple(numbers))


def build_log(
    tasks: Sequence[Description],
    amounts: Floats,
    submitted_us: Ints,
    known_us: Ints,
    codes: FieldCodes | None = None,
) -> tuple[FieldCodes, CodedTasks]:
    """Of tasks in order of submission. An amount that is NaN or not above 0 is not known."""
    codes = learn_codes(tasks) if codes is None else codes
    fields, numbers = codes.encode(tasks)
    is_known = np.isfinite(amounts) & (amounts > 0)
    values = np.log(np.where(is_known, amounts, 1.0))
    return codes, CodedTasks(
        fields,
        numbers,
        np.where(is_known, values, np.nan),
        submitted_us,
        np.where(is_known, known_us, UNKNOWN_US),
    )


def _distinct(texts: "Mapping[str, pd.Series[str]]") -> list[str]:
    """Of fields that group tasks in the same way, the one with the shortest name."""
    named: dict[bytes, str] = {}
    for name, column in texts.items():
        partition = pd.factorize(column)[0].tobytes()
        shortest = named.setdefault(partition, name)
        if len(name) < len(shortest):
            named[partition] = name
    return list(named.values())


def _repeated(texts: "pd.Series[str]") -> float:
    """The share of tasks whose value another one has; 0 where all have the same."""
    if texts.nunique() < 2:
        return 0.0
    return float(texts.duplicated(keep=False).mean())


def _is_numeric(values: Sequence[object]) -> bool:
    numbers = _numbers(values)
    known = np.isfinite(numbers)
    is_numeric = known.sum() >= LEAST_NUMERIC * sum(value is not None for value in values)
    return bool(is_numeric and known.any() and np.ptp(numbers[known]) > 0)


def _numbers(values: Sequence[object]) -> Floats:
    numbers = pd.to_numeric(
        pd.Series([value if _is_number(value) else None for value in values], dtype=object),
        errors="coerce",
    ).to_numpy(dtype=np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _text(value: object) -> str:
    return "" if value is None else str(value)
