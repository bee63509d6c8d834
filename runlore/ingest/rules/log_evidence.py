"""What the rows of a log show about mistakes in reading it, counted a chunk at a time."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.kernel.instants import EPOCH, from_us
from runlore.records.execution import OPEN_STATUSES, ExecutionStatus
from runlore.records.formats.parsed import Parsed
from runlore.records.validate import mask

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

HOUR_US = 3_600_000_000
SUNDAY = 6

SAMPLE_ROWS = 5_000  # per chunk of some ten thousand rows
NAME_ROWS = 10_000  # of a chunk, among which repeated names are looked for
KEY_ROWS = 50  # whose inputs are read to learn the names
MOST_KEYS = 100
STEP = r"^[0-9]+(_[0-9]+)?(\+[0-9]+)?\.(batch|extern|interactive|[0-9]+)$"
NAMED_STEP = r"\.(batch|extern|interactive)$"
ROUNDED = r"(^|/)[1-9]([.,][0-9]+)?E\+[0-9]{2}(/|$)"
HAS_ZONE = r"([Zz]|[+-][0-9]{2}:?[0-9]{2}|UTC|GMT)'"
IS_OPEN = [status.value for status in OPEN_STATUSES]
ENDING = ["source_id", "submitted", "status", "started", "finished", "outcome"]


@dataclass
class FillCount:
    """How many of the sampled rows have an input, by how the work ended."""

    failed: int = 0
    succeeded: int = 0


@dataclass
class LogEvidence:
    """Counts over all rows so far.

    is_exact: looks for repeated names among all rows of a chunk; otherwise among its first ones,
    and counts all rows when there are some. executions: names and submissions. extra_endings:
    outcomes beyond the first of an execution. steps: ids like those of parts of a job.
    rounded: ids like 9.01E+09, which a spreadsheet made of a long number.
    durations_s, waits_s: of a sample of the rows. ahead_us: instants of refused rows that are in
    the future and name no zone; zoned_ahead: how many others are. around_changes: day on which
    clocks go forward -> (72,) submissions in the hours of the day before, that day and the day
    after. filled: input -> counts among the rows that succeeded and those that ended otherwise,
    `failed`. notes: remarks on single rows -> how many they are.
    """

    is_exact: bool = False
    rows: int = 0
    executions: int = 0
    extra_endings: int = 0
    steps: int = 0
    rounded: int = 0
    durations_s: list[Floats] = field(default_factory=list)
    waits_s: list[Floats] = field(default_factory=list)
    ahead_us: list[int] = field(default_factory=list)
    zoned_ahead: int = 0
    around_changes: dict[date, Counts] = field(default_factory=dict)
    failed: int = 0
    succeeded: int = 0
    filled: dict[str, FillCount] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)

    def add(self, parsed: Parsed) -> None:
        """Count a chunk of executions or of points."""
        self.notes.update(parsed.warnings)
        if "source_id" not in parsed.records.column_names:
            return
        self._add_future(parsed.rejects)
        if parsed.records.num_rows:
            self._add_names(parsed.records)
            self._add_changes(_whole(parsed.records["submitted"]))
            sample = _sampled(parsed.records)
            self._add_times(sample)
            self._add_inputs(sample)

    def _add_names(self, records: pa.Table) -> None:
        names = _whole(records["source_id"])
        self.rows += len(names)
        self.executions += len(names)
        self.steps += _steps(names)
        self.rounded += int(mask(pc.match_substring_regex(names, ROUNDED)).sum())
        first = names if self.is_exact else names[:NAME_ROWS]
        if pc.count_distinct(first).as_py() == len(first):
            return
        frame = records.select(ENDING).to_pandas()
        is_open = frame["status"].isin(IS_OPEN)
        endings = frame[~is_open].drop_duplicates()
        self.executions -= int(frame.duplicated(["source_id", "submitted"]).sum())
        self.extra_endings += int(endings.duplicated(["source_id", "submitted"]).sum())

    def _add_times(self, sample: pa.Table) -> None:
        submitted, started, finished = (
            _whole(sample[name]) for name in ("submitted", "started", "finished")
        )
        self.durations_s.append(_seconds(finished, pc.coalesce(started, submitted)))
        self.waits_s.append(_seconds(started, submitted))

    def _add_changes(self, submitted: pa.Array) -> None:
        hours = submitted.to_numpy(zero_copy_only=False) // HOUR_US
        first, last = (from_us(int(at) * HOUR_US).year for at in (hours.min(), hours.max()))
        for day in (day for year in range(first, last + 1) for day in _clock_changes(year)):
            start = (day.toordinal() - 1 - EPOCH.toordinal()) * 24
            inside = hours[(hours >= start) & (hours < start + 72)] - start
            if inside.size:
                before = self.around_changes.get(day, np.zeros(72, np.int64))
                self.around_changes[day] = before + np.bincount(inside, minlength=72)

    def _add_inputs(self, sample: pa.Table) -> None:
        inputs, status = _whole(sample["inputs"]), _whole(sample["status"])
        succeeded = mask(pc.equal(status, ExecutionStatus.SUCCEEDED.value))
        failed = ~mask(pc.is_in(status, value_set=pa.array(IS_OPEN))) & ~succeeded
        self.failed += int(failed.sum())
        self.succeeded += int(succeeded.sum())
        for name in _names(inputs, failed) | set(self.filled):
            if name not in self.filled and len(self.filled) >= MOST_KEYS:
                continue
            has_it = mask(pc.match_substring(inputs, f"{json.dumps(name, ensure_ascii=False)}:"))
            count = self.filled.setdefault(name, FillCount())
            count.failed += int((has_it & failed).sum())
            count.succeeded += int((has_it & succeeded).sum())

    def _add_future(self, rejects: pa.Table) -> None:
        ahead = rejects.filter(pc.is_valid(rejects["due"]))
        if not ahead.num_rows:
            return
        is_plain = pc.match_substring_regex(ahead["reason"], "'[0-9]{4}-")
        has_zone = pc.match_substring_regex(ahead["reason"], HAS_ZONE)
        is_local = pc.and_(is_plain, pc.invert(has_zone))
        self.ahead_us += ahead.filter(is_local)["due"].to_pylist()[:SAMPLE_ROWS]
        self.zoned_ahead += int(pc.sum(pc.invert(is_local)).as_py() or 0)


def _clock_changes(year: int) -> list[date]:
    """When clocks go forward: the last Sunday of March in Europe, the second one in America."""
    sundays = [day for n in range(1, 32) if (day := date(year, 3, n)).weekday() == SUNDAY]
    return [sundays[1], sundays[-1]]


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _sampled(records: pa.Table) -> pa.Table:
    step = -(-records.num_rows // SAMPLE_ROWS)
    return records if step == 1 else records.take(np.arange(0, records.num_rows, step))


def _seconds(later: pa.Array, earlier: pa.Array) -> Floats:
    us = pc.drop_null(pc.subtract(later, earlier)).to_numpy(zero_copy_only=False)
    seconds: Floats = us / 1e6
    return seconds


def _steps(names: pa.Array) -> int:
    """How many ids are those of steps: 7.batch always, 7.0 beside a 7 only."""
    steps = names.filter(pc.match_substring_regex(names, STEP))
    if not len(steps):
        return 0
    named = pc.match_substring_regex(steps, NAMED_STEP)
    jobs = pc.replace_substring_regex(steps, r"\.[^.]*$", "")
    return int(pc.sum(pc.or_(named, pc.is_in(jobs, value_set=names))).as_py())


def _names(inputs: pa.Array, failed: NDArray[np.bool_]) -> set[str]:
    """Names of inputs in some rows, of those that failed and of the others."""
    rows = [np.flatnonzero(chosen)[:KEY_ROWS] for chosen in (failed, ~failed)]
    objects: list[Mapping[str, Any]] = [
        json.loads(text) for text in inputs.take(pa.array(np.concatenate(rows))).to_pylist()
    ]
    return {name for document in objects for name in document}
