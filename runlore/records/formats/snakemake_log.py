"""The jobs that a log of Snakemake tells of: `.snakemake/log/*.snakemake.log`.

The log is for people: a stamp, then "rule align:" with indented fields when a job begins, and
"Finished jobid: 3" or "Error in rule align:" when it ends.
"""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.records.execution import ExecutionStatus
from runlore.records.formats.instants import InstantForm, read_instants
from runlore.records.formats.local_times import in_order

Ints = NDArray[np.int64]
STAMP = (
    r"^\s*\[[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) (?P<time>\d\d:\d\d:\d\d)"
    r" (?P<year>\d{4})\]"
)
BEGIN = r"^\s*(?:local)?(?:rule|checkpoint) (?P<rule>[^:]+):$"
MESSAGE = r"^\s*Job (?P<job>\d+): .*$"
END = r"^\s*Finished job(?:id:)? (?P<job>\d+)(?: \(Rule: (?P<rule>[^)]*)\))?\.?$"
ERROR = r"^\s*Error in (?:local)?(?:rule|checkpoint) (?P<rule>[^:,]+)[:,].*$"
FIELD = r"^\s+(?P<key>jobid|threads|resources|wildcards|benchmark): (?P<value>.*)$"
FIELDS = ("jobid", "threads", "resources", "wildcards", "benchmark")
MONTHS = pa.array(
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
)
DRY_RUN = "This was a dry-run"
STOPPED = "Complete log"
HEADER = re.compile(r"^  (User|Workflow ID|Working directory|Run directory): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class LoggedJobs:
    """run: the name that Snakemake gave to it, from version 9 on.

    jobs: a row for each attempt: line, job, attempt, rule, begin_us, end_us, status and FIELDS.

    lines: of the whole log.
    """

    jobs: pd.DataFrame
    lines: pa.Array
    run: str
    user: str
    folder: str
    is_dry_run: bool


def read_log(data: bytes, timezone: str) -> LoggedJobs:
    """Read a whole log. timezone: of its stamps, which name none."""
    text = data.decode("utf-8", "replace")
    lines = pa.array(text.replace("\r\n", "\n").split("\n"))
    header = dict(HEADER.findall(text[:10_000]))
    folder = header.get("Working directory") or header.get("Run directory") or ""
    jobs = _attempts(_events(lines, timezone), DRY_RUN not in text and STOPPED in text)
    return LoggedJobs(
        jobs,
        lines,
        run=header.get("Workflow ID", ""),
        user=header.get("User", ""),
        folder=folder.rstrip("/").rpartition("/")[2],
        is_dry_run=DRY_RUN in text,
    )


def _events(lines: pa.Array, timezone: str) -> pd.DataFrame:
    """What began, ended or failed, in order: at_us, kind, job, rule, line and FIELDS."""
    forms = {
        kind: pc.extract_regex(lines, form)
        for kind, form in (("begin", BEGIN), ("message", MESSAGE), ("end", END), ("error", ERROR))
    }
    frames = []
    for kind, parts in forms.items():
        at = np.flatnonzero(parts.is_valid().to_numpy(zero_copy_only=False))
        part = parts.take(pa.array(at))
        columns = {
            name: pc.struct_field(part, name) for name in ("job", "rule") if name in _names(part)
        }
        frame = pd.DataFrame({name: values.to_pandas() for name, values in columns.items()})
        frames.append(frame.assign(line=at, kind="begin" if kind == "message" else kind))
    events = pd.concat(frames, ignore_index=True).sort_values("line", ignore_index=True)
    events = events.reindex(columns=["line", "kind", "job", "rule"])
    events = events.join(_fields(lines, events["line"].to_numpy(np.int64)))
    events["job"] = events["job"].fillna(events.pop("jobid"))
    events["at_us"] = _stamps(lines, events["line"].to_numpy(np.int64), timezone)
    return events.dropna(subset=["job", "at_us"])


def _names(parts: pa.Array) -> list[str]:
    return [field.name for field in parts.type]


def _fields(lines: pa.Array, at: Ints) -> pd.DataFrame:
    """The indented fields below each event; the first of a name counts."""
    parts = pc.extract_regex(lines, FIELD)
    where = np.flatnonzero(parts.is_valid().to_numpy(zero_copy_only=False))
    part = parts.take(pa.array(where))
    frame = pd.DataFrame(
        {
            "event": np.searchsorted(at, where) - 1,
            "key": pc.struct_field(part, "key").to_pandas(),
            "value": pc.struct_field(part, "value").to_pandas(),
        }
    )
    first = frame[frame["event"] >= 0].drop_duplicates(["event", "key"])
    wide = first.pivot(index="event", columns="key", values="value")
    return wide.reindex(index=range(at.size), columns=list(FIELDS)).astype("object")


def _stamps(lines: pa.Array, at: Ints, timezone: str) -> "pd.Series[float]":
    """The instants of the last stamps above these lines, in µs."""
    parts = pc.extract_regex(lines, STAMP)
    where = np.flatnonzero(parts.is_valid().to_numpy(zero_copy_only=False))
    part = parts.take(pa.array(where))
    month = pc.add(pc.index_in(pc.struct_field(part, "month"), value_set=MONTHS), 1)
    text = [
        pc.struct_field(part, "year"),
        pc.utf8_lpad(pc.cast(month, pa.string()), 2, "0"),
        pc.utf8_lpad(pc.struct_field(part, "day"), 2, "0"),
    ]
    day = pc.binary_join_element_wise(*text, "-")
    stamp = pc.binary_join_element_wise(day, pc.struct_field(part, "time"), " ")
    us = _in_order(stamp, timezone).to_pandas().astype("Float64")
    above = np.searchsorted(where, at) - 1
    picked = us.reindex(above).reset_index(drop=True)
    return pd.Series(picked.where(above >= 0))


def _in_order(stamp: pa.Array, timezone: str) -> pa.Array:
    """Instants of stamps that follow each other, also when the clock is put back between them."""
    read = read_instants(stamp, InstantForm(timezone))
    us = read.us
    for _ in range(2 * bool(len(us))):
        so_far = pc.cumulative_max(us)
        before = pa.concat_arrays([so_far[:1], so_far[:-1]])
        us = in_order([None, read.naive], [before, us], timezone)[1]
    return us


def _attempts(events: pd.DataFrame, is_stopped: bool) -> pd.DataFrame:
    """A row for each time that a job began, with its end: the first after it."""
    is_begin = events["kind"] == "begin"
    attempt = is_begin.groupby(events["job"]).cumsum().astype("int64")
    events = events.assign(attempt=attempt)
    begun = events[is_begin]
    ends = events[~is_begin & (attempt > 0)].drop_duplicates(["job", "attempt"])
    ends = ends[["job", "attempt", "kind", "at_us", "rule"]]
    jobs = begun.merge(ends, "left", ["job", "attempt"], suffixes=("", "_end"))
    words = {"end": ExecutionStatus.SUCCEEDED.value, "error": ExecutionStatus.FAILED.value}
    status = jobs["kind_end"].map(words)
    end_us = jobs["at_us_end"]
    if is_stopped:
        status = status.fillna(ExecutionStatus.CANCELLED.value)
        end_us = end_us.fillna(events["at_us"].max())
    return pd.DataFrame(
        {
            "line": jobs["line"].to_numpy(np.int64) + 1,
            "job": jobs["job"],
            "attempt": jobs["attempt"],
            "rule": jobs["rule"].fillna(jobs["rule_end"]),
            "begin_us": jobs["at_us"],
            "end_us": end_us,
            "status": status.fillna(ExecutionStatus.RUNNING.value),
            **{name: jobs[name] for name in FIELDS if name != "jobid"},
        }
    )
