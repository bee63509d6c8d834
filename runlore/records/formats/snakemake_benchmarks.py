"""Benchmark files of Snakemake: what was measured while a job ran, one row for each repetition.

They have no times and no status: only jobs that succeeded write one, when they end. A peak of 0 is
that of a job which ended before it was looked at: it was not measured.
"""

import ast
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from runlore.records.formats.instants import numbers

MEBIBYTE = 1024.0**2
COLUMNS = ("s", "h:m:s", "max_rss", "max_vms")
MEASURED = {
    "peak_memory_bytes": ("max_rss", MEBIBYTE),
    "peak_virtual_bytes": ("max_vms", MEBIBYTE),
    "peak_unique_bytes": ("max_uss", MEBIBYTE),
    "peak_proportional_bytes": ("max_pss", MEBIBYTE),
    "read_bytes": ("io_in", MEBIBYTE),
    "written_bytes": ("io_out", MEBIBYTE),
    "cpu_percent": ("mean_load", 1.0),
    "cpu_s": ("cpu_time", 1.0),
    "run_s": ("s", 1.0),
}
PEAKS = tuple(name for name in MEASURED if name.startswith("peak_"))
INPUT_SIZE = "input_bytes"
OTHERS = ("rule_name", "wildcards", "threads", "resources", "input_size_mb")


@dataclass(frozen=True)
class BenchmarkFile:
    """name: its path below the folder that is ingested. written_us: when it was last changed."""

    name: str
    data: bytes
    written_us: int


def is_benchmark(head: bytes) -> bool:
    """Whether a file begins like a benchmark of Snakemake, in lines of JSON or with a header."""
    line = head.split(b"\n", 1)[0].strip()
    if line.startswith(b"{"):
        return all(f'"{name}"'.encode() in line for name in COLUMNS)
    return tuple(line.decode("utf-8", "replace").split("\t")[:4]) == COLUMNS


def read_benchmarks(files: Iterable[BenchmarkFile]) -> pd.DataFrame:
    """All repetitions in the files: file, number, end_us, MEASURED, and what was requested."""
    cells: list[dict[str, Any]] = []
    for file in files:
        repetitions = _repetitions(file.data)
        cells += [
            {**row, "file": file.name, "number": number, "written_us": file.written_us}
            for number, row in enumerate(repetitions, start=1)
        ]
    columns = ["file", "number", "written_us", *OTHERS, *(name for name, _ in MEASURED.values())]
    frame = pd.DataFrame(cells, columns=columns)
    values = {key: _numbers(frame[name]) * unit for key, (name, unit) in MEASURED.items()}
    values |= {name: values[name].where(values[name] > 0) for name in PEAKS}
    lasted_us = (values["run_s"].fillna(0) * 1e6).round()
    later_us = lasted_us[::-1].groupby(frame["file"]).cumsum()[::-1] - lasted_us
    input_bytes = frame["input_size_mb"].map(_total, na_action="ignore").astype("float64")
    return pd.DataFrame(
        {
            "file": frame["file"],
            "number": frame["number"],
            "end_us": frame["written_us"] - later_us,
            "rule": frame["rule_name"],
            "wildcards": frame["wildcards"].map(_assignments, na_action="ignore"),
            "threads": frame["threads"],
            "resources": frame["resources"].map(_assignments, na_action="ignore"),
            INPUT_SIZE: input_bytes * MEBIBYTE,
            **values,
        }
    )


def _repetitions(data: bytes) -> list[dict[str, Any]]:
    lines = [line for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    if lines and lines[0].startswith("{"):
        return [row for line in lines if isinstance(row := _json(line), dict)]
    header, *rows = (line.split("\t") for line in lines)
    return [dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header)]


def _json(line: str) -> Any:  # noqa: ANN401  (what a line holds)
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None  # The last line of a file that is being written.


def _numbers(column: "pd.Series[Any]") -> "pd.Series[float]":
    """Numbers; `NA` and `-` were not measured."""
    text = pa.array(column.astype("object").map(str, na_action="ignore"), pa.string())
    return pd.Series(numbers(text).to_pandas(), index=column.index, dtype="float64")


def _table(cell: Any) -> Mapping[str, Any]:  # noqa: ANN401  (a table, or its text in Python)
    if isinstance(cell, str):
        try:
            cell = ast.literal_eval(cell)
        except (ValueError, SyntaxError):
            return {}
    return cell if isinstance(cell, Mapping) else {}


def _assignments(cell: Any) -> str:  # noqa: ANN401
    """A table as the log of Snakemake writes it: `s=a, k=3`."""
    return ", ".join(f"{name}={value}" for name, value in _table(cell).items())


def _total(cell: Any) -> float:  # noqa: ANN401
    """The size of all inputs."""
    return float(sum(size for size in _table(cell).values() if isinstance(size, int | float)))
