"""Which rows of sacct are jobs, and which are the steps of which job."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.records.execution import ExecutionStatus
from runlore.records.formats import lines
from runlore.records.formats.delimited import DelimitedRows

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
STEPS = "steps of jobs (their peaks are on the job)"
ORPHANS = "steps whose job has no row beside them"
WAITING_ARRAYS = "rows that stand for several array tasks that wait"
WAITING = pa.array(["PENDING", "PD", ExecutionStatus.SUBMITTED.value])


@dataclass(frozen=True)
class JobRows:
    """The N jobs of a chunk, and its M steps. owner: (M,), positions of the steps' jobs.

    skipped: reason -> how many rows are not jobs.
    """

    rows: DelimitedRows
    steps: DelimitedRows
    owner: Ints
    id_column: str
    skipped: Mapping[str, int]

    def largest(self, own: pa.Array, of_steps: pa.Array) -> pa.Array:
        """(N,): the largest value of a job and of its steps; 0 counts as not measured."""
        return self._over_steps(np.fmax, own, of_steps)

    def total(self, own: pa.Array, of_steps: pa.Array) -> pa.Array:
        """(N,): the job's own value, or the sum over its steps where it has none."""
        sums = self._over_steps(np.add, pa.nulls(len(self.rows), pa.float64()), of_steps)
        return pc.coalesce(_measured(own), sums)

    def _over_steps(self, combine: np.ufunc, own: pa.Array, of_steps: pa.Array) -> pa.Array:
        values: Floats = np.nan_to_num(_numpy(_measured(own)), nan=0.0)
        combine.at(values, self.owner, np.nan_to_num(_numpy(of_steps), nan=0.0))
        return _measured(pa.array(values))


def whole_jobs(data: bytes, id_field: int, delimiter: str) -> int:
    """How many bytes come before the last job whose steps or attempts may not all be there."""
    end = lines.complete(data)
    start, last = end, None
    while start:
        before = data.rfind(b"\n", 0, start - 1) + 1
        fields = data[before:start].rstrip(b"\r\n").split(delimiter.encode())
        job = fields[id_field].strip(b'"').split(b".")[0] if len(fields) > id_field else b""
        if last is not None and job != last:
            return start
        start, last = before, job
    return 0


def jobs(rows: DelimitedRows, id_column: str) -> JobRows:
    """Divide a chunk into jobs and steps. A step is of the job above it, or else below it."""
    ids = pc.fill_null(rows.column(id_column), "")
    job_ids = pc.replace_substring_regex(ids, r"\..*$", "")
    is_step = pc.match_substring(ids, ".").to_numpy(zero_copy_only=False)
    is_waiting = _is_waiting_array(rows, ids)
    at_jobs = np.flatnonzero(~is_step & ~is_waiting)
    at_steps = np.flatnonzero(is_step)
    owner, is_orphan = _owners(pd.factorize(job_ids.to_pandas())[0], at_jobs, at_steps)
    counts = {
        STEPS: int(np.sum(~is_orphan)),
        ORPHANS: int(np.sum(is_orphan)),
        WAITING_ARRAYS: int(np.sum(is_waiting)),
    }
    return JobRows(
        rows.taken(at_jobs),
        rows.taken(at_steps[~is_orphan]),
        owner[~is_orphan],
        id_column,
        {reason: count for reason, count in counts.items() if count},
    )


def attempt_ids(jobs: JobRows, submitted: pa.Array, started: pa.Array) -> pa.Array:
    """The ids of the jobs. Attempts of a requeued job differ in their submission, as Slurm sets it
    anew; where it did not, the second attempt of job 7 is `7#2`."""
    ids = pc.fill_null(jobs.rows.column(jobs.id_column), "")
    frame = pd.DataFrame({"id": ids.to_pandas(), "at": submitted.to_pandas()})
    is_again = frame.duplicated(keep=False)
    if not is_again.any():
        return ids
    run = jobs.rows.column("SLUID", "Restarts")
    run = pc.coalesce(run, pc.cast(started, pa.string()))
    frame = frame.assign(run=run.to_pandas(), start=started.to_pandas())[is_again]
    runs = frame.dropna(subset=["run"]).sort_values("start", kind="stable")
    first_runs = runs.drop_duplicates(["id", "at", "run"])
    number = first_runs.groupby(["id", "at"]).cumcount() + 1
    numbered = first_runs.assign(number=number)[["id", "at", "run", "number"]]
    attempt = frame.reset_index().merge(numbered, "left", ["id", "at", "run"]).set_index("index")
    later = attempt[attempt["number"] > 1]
    suffix = pd.Series("", index=range(len(ids)), dtype="object")
    suffix[later.index] = "#" + later["number"].astype(int).astype(str)
    return pc.binary_join_element_wise(ids, pa.array(suffix, pa.string()), "")


def _is_waiting_array(rows: DelimitedRows, ids: pa.Array) -> NDArray[np.bool_]:
    """`7_[8-20]` that is pending: its tasks get rows and ids of their own when they start."""
    is_pending = pc.is_in(pc.utf8_upper(rows.column("State")), value_set=WAITING)
    waits = pc.and_(pc.match_substring(ids, "["), is_pending)
    is_waiting: NDArray[np.bool_] = waits.to_numpy(zero_copy_only=False)
    return is_waiting


def _owners(job: Ints, at_jobs: Ints, at_steps: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Positions among the jobs for each step, and which steps have no job."""
    if not at_jobs.size:
        return np.zeros(at_steps.size, dtype=np.int64), np.ones(at_steps.size, dtype=np.bool_)
    after = np.searchsorted(at_jobs, at_steps)
    above, below = np.maximum(after - 1, 0), np.minimum(after, at_jobs.size - 1)
    is_above = (job[at_jobs[above]] == job[at_steps]) & (after > 0)
    is_below = (job[at_jobs[below]] == job[at_steps]) & (after < at_jobs.size)
    return np.where(is_above, above, below), ~is_above & ~is_below


def _measured(values: pa.Array) -> pa.Array:
    """Null for 0, which sacct prints for what was not measured."""
    return pc.if_else(pc.greater(values, 0.0), values, None)


def _numpy(values: pa.Array) -> Floats:
    array: Floats = pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False).copy()
    return array
