"""Jobs of Snakemake, by its logs, with what its benchmark files measured.

A log knows when a job began and how it ended, failures and retries too. A benchmark file without
a log has neither: its job succeeded, and ended when the file was written. The records below
`.snakemake/metadata` look alike for jobs that failed and jobs that succeeded: they are not read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.execution import ExecutionStatus
from runlore.records.formats.instants import numbers
from runlore.records.formats.parsed import MOST_RAW_CHARACTERS, Parsed
from runlore.records.formats.snakemake_benchmarks import INPUT_SIZE, MEASURED
from runlore.records.formats.snakemake_log import LoggedJobs, read_log
from runlore.records.formats.tool_rows import Ints, ToolRows, checked
from runlore.records.validate import LATEST_US

MEGABYTE, MEBIBYTE, MINUTE_S = 1e6, 1024.0**2, 60.0
DRY_RUN = "jobs of a dry run"
PART = r"(?:^|, ){}=(?P<value>{})(?:,|$)"
NUMBER = r"[0-9.]+"


@dataclass(frozen=True)
class SnakemakeReader:
    """timezone: of the stamps in logs, which name none."""

    source: str
    timezone: str
    now_us: int = LATEST_US

    def read_log(
        self, run: str, data: bytes, first_row: int, measured: pd.DataFrame
    ) -> tuple[Parsed, set[str]]:
        """The attempts of a run's jobs, and the benchmark files that are theirs.

        run: names the run if the log does not; a job's id is `run/job`. measured: by the files'
        names in the log.
        """
        log = read_log(data, self.timezone)
        jobs, run = log.jobs, log.run or run
        if log.is_dry_run:
            nothing = self._checked(_rows(jobs[:0], log, run, first_row))
            return replace(nothing, skipped={DRY_RUN: len(jobs)} if len(jobs) else {}), set()
        files = _benchmarks_of(jobs)
        with_measures = _with_measures(jobs, files, measured)
        used = set(files.dropna()) & set(measured["file"])
        return self._checked(_rows(with_measures, log, run, first_row)), used

    def read_benchmarks(self, rows: pd.DataFrame, first_row: int) -> Parsed:
        """Benchmarks that no log names, as executions."""
        file = rows["file"].astype(str)
        stem = file.str.replace(r"^.*/|\.[^./]*$", "", regex=True)
        begin_us = rows["end_us"] - (rows["run_s"] * 1e6).round()
        table = rows.assign(
            id=_numbered(file, rows["number"]),
            rule=rows["rule"].fillna(stem),
            begin_us=begin_us,
            status=ExecutionStatus.SUCCEEDED.value,
            actor="",
            scope=file.str.replace(r"/?[^/]*$", "", regex=True),
            line=np.arange(first_row, first_row + len(rows)),
        )
        return self._checked(_tool_rows(table, pa.array(table["id"], pa.string()), MEASURED))

    def _checked(self, rows: ToolRows) -> Parsed:
        return checked(rows, self.source, self.now_us)


def _benchmarks_of(jobs: pd.DataFrame) -> "pd.Series[str]":
    """The benchmark file of each job that was the last one to write it, by succeeding."""
    ended = jobs[jobs["status"] == ExecutionStatus.SUCCEEDED.value]
    last = ended.dropna(subset=["benchmark"]).drop_duplicates("benchmark", keep="last")
    return jobs["benchmark"].where(jobs.index.isin(last.index))


def _with_measures(
    jobs: pd.DataFrame, files: "pd.Series[str]", measured: pd.DataFrame
) -> pd.DataFrame:
    """Jobs with what was measured. Of repetitions the largest values count, or their sum."""
    sums = ("cpu_s", "run_s", "read_bytes", "written_bytes")
    how = {name: "sum" if name in sums else "max" for name in (*MEASURED, INPUT_SIZE)}
    by_file = measured.groupby("file")[list(how)]
    values = by_file.agg(how).where(by_file.count() > 0)
    return jobs.join(values.reindex(files).set_axis(jobs.index))


def _rows(jobs: pd.DataFrame, log: LoggedJobs, run: str, first_row: int) -> ToolRows:
    table = jobs.assign(
        id=_numbered(run + "/" + jobs["job"].astype(str), jobs["attempt"]),
        actor=log.user,
        scope=log.folder,
        line=jobs["line"] + first_row - 1,
    )
    raw = log.lines.take(pa.array(jobs["line"] - 1, pa.int64()))
    # Only jobs that succeeded have a benchmark: as an input, the size of theirs would tell the end.
    return _tool_rows(table, raw, [*MEASURED, INPUT_SIZE])


def _tool_rows(table: pd.DataFrame, raw: pa.Array, outcome: Iterable[str]) -> ToolRows:
    begun, ended = _us(table["begin_us"]), _us(table["end_us"])
    status = _text(table, "status")
    return ToolRows(
        line=table["line"].to_numpy(np.int64),
        raw=lambda at: _shown(raw, at),
        source_id=_text(table, "id"),
        actor=_text(table, "actor"),
        kind=_text(table, "rule"),
        scope=_text(table, "scope"),
        submitted=begun,
        started=begun,
        finished=ended,
        status=status,
        words=status,
        inputs=_inputs(table.drop(columns=[*outcome], errors="ignore")),
        outcome={
            key: pa.array(table[key], pa.float64(), from_pandas=True)
            for key in outcome
            if key in table.columns
        },
    )


def _inputs(table: pd.DataFrame) -> Mapping[str, pa.Array]:
    """What a rule requested. Megabytes are decimal in Snakemake, and its run times are minutes."""
    resources = _text(table, "resources")
    mebibytes = pc.multiply(_number(resources, "mem_mib"), MEBIBYTE)
    return {
        "cpus": numbers(_text(table, "threads")),
        "memory_bytes": pc.coalesce(mebibytes, pc.multiply(_number(resources, "mem_mb"), MEGABYTE)),
        "disk_bytes": pc.multiply(_number(resources, "disk_mb"), MEGABYTE),
        "timelimit_s": pc.multiply(_number(resources, "runtime"), MINUTE_S),
        "gpus": pc.coalesce(_number(resources, "gpus?"), _number(resources, "nvidia_gpu")),
        "queue": _part(resources, "slurm_partition", "[^,]+"),
        "account": _part(resources, "slurm_account", "[^,]+"),
        "wildcards": _filled(_text(table, "wildcards")),
        "attempt": numbers(_text(table, "attempt")),
        INPUT_SIZE: numbers(_text(table, INPUT_SIZE)),
    }


def _part(text: pa.Array, name: str, value: str) -> pa.Array:
    return pc.struct_field(pc.extract_regex(text, PART.format(name, value)), "value")


def _number(text: pa.Array, name: str) -> pa.Array:
    return numbers(_part(text, name, NUMBER))


def _numbered(name: "pd.Series[str]", number: "pd.Series[int]") -> "pd.Series[str]":
    """`a`, and `a#2` for the second one of that name."""
    return name.where(number == 1, name + "#" + number.astype(str))


def _text(table: pd.DataFrame, name: str) -> pa.Array:
    if name not in table.columns:
        return pa.nulls(len(table), pa.string())
    column = table[name].astype("object").map(_as_text, na_action="ignore")
    return pa.array(column, pa.string(), from_pandas=True)


def _as_text(value: Any) -> str:  # noqa: ANN401
    return str(value)


def _us(column: "pd.Series[float]") -> pa.Array:
    return pa.array(column.astype("Int64"), pa.int64(), from_pandas=True)


def _filled(text: pa.Array) -> pa.Array:
    return pc.if_else(pc.greater(pc.binary_length(text), 0), text, None)


def _shown(raw: pa.Array, at: Ints) -> pa.Array:
    return pc.utf8_slice_codeunits(raw.take(pa.array(at)), 0, MOST_RAW_CHARACTERS)
