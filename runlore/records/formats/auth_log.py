"""Logins, commands and accounts out of `auth.log` or `secure`, as syslog daemons write them.

Each event is an execution: actor is the user, scope the host, kind what was done. The messages
themselves are not kept, only what they tell (`auth_messages`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.kernel.errors import BadInput
from runlore.records.formats import lines
from runlore.records.formats.auth_messages import UNKNOWN_FORM, MessageEvents, read_messages
from runlore.records.formats.lines import Lines
from runlore.records.formats.parsed import Parsed, merged, rejects
from runlore.records.formats.row_ids import RowIds
from runlore.records.formats.syslog_lines import SyslogLines, read_lines
from runlore.records.formats.tool_rows import ToolRows, checked
from runlore.records.validate import LATEST_US, LONGEST_KEY_BYTES, Mask, mask

Ints = NDArray[np.int64]

NO_SYSLOG = "the line has no stamp, host and program of a syslog"
NO_DAY = "the line's stamp is no day of the calendar"
ORPHANS = "repeats of a line that is not in this part of the file"
MAX_TIMES = 10_000  # events out of one line
LONGEST_NAME = 200  # characters


@dataclass(frozen=True)
class AuthLogLayout:
    """How the lines of a file are read. timezone: of stamps without one. year: of its first line,
    for stamps without a year; None: as late as may be."""

    source: str
    timezone: str
    now_us: int = LATEST_US
    year: int | None = None
    ids: RowIds = field(default_factory=RowIds)
    counts_rows: bool = True

    def complete(self, data: bytes) -> int:
        return lines.complete(data)

    def parse(self, data: bytes, first_line: int) -> Parsed:
        chunk = lines.split(data, first_line)
        text = pc.utf8_rtrim_whitespace(chunk.raw(np.arange(len(chunk))))
        rows = np.flatnonzero(mask(pc.greater(pc.binary_length(text), 0)))
        text = text.take(pa.array(rows))
        read = read_lines(text, self.timezone, self.now_us, self.year)
        is_line = mask(read.at.is_valid()) & ~read.is_orphan
        whole = np.flatnonzero(is_line)
        refused = _refused(read, chunk, rows)
        events = read_messages(
            read.program.take(pa.array(whole)), read.message.take(pa.array(whole))
        )
        unknown = _unknown(events, read, chunk, rows, whole)
        skipped = _skipped(events, int(read.is_orphan.sum()))
        parsed = self._checked(events, read, rows, whole, chunk)
        return replace(parsed, rejects=merged([*refused, unknown, parsed.rejects]), skipped=skipped)

    def _checked(
        self, events: MessageEvents, read: SyslogLines, rows: Ints, whole: Ints, chunk: Lines
    ) -> Parsed:
        place = np.flatnonzero(events.is_event)
        count = pc.fill_null(pc.cast(events.texts["count"], pa.int64()), 1)
        times = np.asarray(count.to_numpy(zero_copy_only=False))[place] * read.times[whole[place]]
        place = np.repeat(place, np.clip(times, 1, MAX_TIMES))
        line, taken = whole[place], pa.array(place)
        at, host, message = (
            column.take(pa.array(line)) for column in (read.at, read.host, read.message)
        )
        source_id = self.ids.assign(
            [host, read.program.take(pa.array(line)), at, message], line.size
        )
        executions = event_rows(events, taken, at, host)
        executions = replace(
            executions,
            line=chunk.line[rows[line]],
            raw=lambda wanted: chunk.raw(rows[line[wanted]]),
            source_id=source_id,
        )
        return checked(executions, self.source, self.now_us)


def event_rows(events: MessageEvents, taken: pa.Array, at: pa.Array, host: pa.Array) -> ToolRows:
    """Some messages as executions that begin and end at once. at, host: of those taken."""
    inputs = {name: values.take(taken) for name, values in events.inputs().items()}
    nothing = pa.array([], pa.string())
    return ToolRows(
        line=np.arange(len(taken)),
        raw=lambda wanted: nothing,
        source_id=at,
        actor=short(pc.fill_null(events.texts["user"].take(taken), "")),
        kind=events.kind.take(taken),
        scope=short(host),
        submitted=at,
        started=at,
        finished=at,
        status=events.status.take(taken),
        words=events.status.take(taken),
        inputs={name: _cut(values) for name, values in inputs.items()},
    )


def short(names: pa.Array) -> pa.Array:
    """Names that the log's indexes can hold; what is longer is cut, with `…`."""
    cut = pc.binary_join_element_wise(pc.utf8_slice_codeunits(names, 0, LONGEST_NAME), "…", "")
    is_long = pc.greater(pc.binary_length(names), LONGEST_KEY_BYTES // 4)
    is_longer = pc.greater(pc.utf8_length(names), LONGEST_NAME)
    return pc.if_else(pc.and_(is_long, is_longer), cut, names)


def layout(
    head: bytes, source: str, timezone: str, now_us: int = LATEST_US, year: int | None = None
) -> AuthLogLayout:
    """How a file is read. Raises BadInput for a file that is no syslog at all."""
    made = AuthLogLayout(source, timezone, now_us, year)
    whole = head[: lines.complete(head)] or head
    parsed = replace(made, ids=RowIds()).parse(whole, 1)
    seen = parsed.rows
    foreign = parsed.rejects.filter(pc.equal(parsed.rejects["reason"], NO_SYSLOG)).num_rows
    if seen and foreign == seen:
        raise BadInput(
            "no line has a stamp, host and program, such as `Dec 10 06:55:46 web-1 sshd[24200]: …`;"
            " for `journalctl -o json` say `runlore ingest journal`, for JSON `runlore ingest"
            " audit`",
            "file",
        )
    return made


def _cut(values: pa.Array) -> pa.Array:
    return values if not pa.types.is_string(values.type) else short(values)


def _refused(read: SyslogLines, chunk: Lines, rows: Ints) -> list[pa.Table]:
    reasons: Mapping[str, Mask] = {
        NO_SYSLOG: mask(read.at.is_null()) & read.is_dated,
        NO_DAY: ~read.is_dated,
    }
    return [
        rejects(chunk.line[rows[bad]], [why] * int(bad.sum()), chunk.raw(rows[bad]))
        for why, bad in reasons.items()
    ]


def _unknown(
    events: MessageEvents, read: SyslogLines, chunk: Lines, rows: Ints, whole: Ints
) -> pa.Table:
    at = whole[events.is_unknown]
    programs = read.program.take(pa.array(at)).to_pylist()
    reasons = [UNKNOWN_FORM.format(program) for program in programs]
    return rejects(chunk.line[rows[at]], reasons, chunk.raw(rows[at]))


def _skipped(events: MessageEvents, orphans: int) -> Mapping[str, int]:
    counted = pc.value_counts(events.reason.drop_null())
    reasons = {str(one["values"]): int(one["counts"]) for one in counted.to_pylist()}
    return reasons | ({ORPHANS: orphans} if orphans else {})
