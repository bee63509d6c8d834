"""Logins, commands and accounts out of systemd's journal, as `journalctl -o json` prints it.

The messages are those of `auth_messages`; ids are the journal's cursors, so a message that is
exported again is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.records.formats.auth_log import event_rows
from runlore.records.formats.auth_messages import UNKNOWN_FORM, read_messages
from runlore.records.formats.event_lines import EventObjects, read_page, text_of, whole_lines
from runlore.records.formats.parsed import Parsed, merged, rejects
from runlore.records.formats.tool_rows import checked
from runlore.records.validate import LATEST_US

Ints = NDArray[np.int64]

LONGEST_MESSAGE = 2_000  # characters that are looked at
NO_STAMP = "__REALTIME_TIMESTAMP is missing or no number"
NO_MESSAGE = "entries without a message"


@dataclass(frozen=True)
class JournalLayout:
    """How the lines of a file are read: a JSON object in each."""

    source: str
    now_us: int = LATEST_US
    counts_rows: bool = False

    def complete(self, data: bytes) -> int:
        return whole_lines(data)

    def parse(self, data: bytes, first_line: int) -> Parsed:
        page = read_page(data, first_line)
        at = [_stamp(one) for one in page.objects]
        stamped = np.array([us is not None for us in at], np.bool_)
        message = [_message(one) for one in page.objects]
        has_message = np.array([text is not None for text in message], np.bool_)
        rows = np.flatnonzero(stamped & has_message)
        refused = page.refused(np.flatnonzero(~stamped), NO_STAMP)
        parsed = self._events(page, rows, at, message)
        silent = int((stamped & ~has_message).sum())
        skipped = {**parsed.skipped, **({NO_MESSAGE: silent} if silent else {})}
        return replace(
            parsed, rejects=merged([page.rejects, refused, parsed.rejects]), skipped=skipped
        )

    def _events(
        self,
        page: EventObjects,
        rows: Ints,
        at: Sequence[int | None],
        message: Sequence[str | None],
    ) -> Parsed:
        objects = [page.objects[row] for row in rows]
        program = [text_of(one, "SYSLOG_IDENTIFIER", "_COMM") for one in objects]
        events = read_messages(
            pa.array(program, pa.string()), pa.array([message[row] for row in rows], pa.string())
        )
        place = np.flatnonzero(events.is_event)
        us = pa.array([at[row] for row in rows[place]], pa.int64())
        hosts = pa.array([text_of(objects[i], "_HOSTNAME") for i in place], pa.string())
        ids = [_id(objects[i], at[rows[i]]) for i in place]
        executions = replace(
            event_rows(events, pa.array(place), us, hosts),
            line=page.line[rows[place]],
            raw=lambda wanted: page.raw(rows[place][wanted]),
            source_id=pa.array(ids, pa.string()),
        )
        parsed = checked(executions, self.source, self.now_us)
        unknown = np.flatnonzero(events.is_unknown)
        reasons = [UNKNOWN_FORM.format(program[i]) for i in unknown]
        refused = rejects(page.line[rows[unknown]], reasons, page.raw(rows[unknown]))
        counted = pc.value_counts(events.reason.drop_null()).to_pylist()
        return replace(
            parsed,
            rejects=merged([refused, parsed.rejects]),
            skipped={str(one["values"]): int(one["counts"]) for one in counted},
        )


def _stamp(one: Mapping[str, Any]) -> int | None:
    text = text_of(one, "_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _message(one: Mapping[str, Any]) -> str | None:
    """Text, or the bytes that the journal lists when a message is no plain text."""
    value = one.get("MESSAGE")
    if isinstance(value, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in value):
        value = bytes(value[: 4 * LONGEST_MESSAGE]).decode(errors="replace")
    if not isinstance(value, str):
        return None
    return " ".join(value[:LONGEST_MESSAGE].replace("\0", "\N{SYMBOL FOR NULL}").splitlines())


def _id(one: Mapping[str, Any], us: int | None) -> str:
    cursor = text_of(one, "__CURSOR")
    return cursor or f"{us}.{text_of(one, '_BOOT_ID')}.{text_of(one, '__MONOTONIC_TIMESTAMP')}"
