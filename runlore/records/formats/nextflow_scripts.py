"""Traces of Nextflow with the field `script`, whose text goes over many lines, with tabs in it."""

import re
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from runlore.records.formats import lines
from runlore.records.formats.delimited import DelimitedLines, DelimitedRows, Ints
from runlore.records.formats.lines import Bytes

TASK_AND_HASH = rb"^\d+%s[0-9a-f]{2}/[0-9a-f]+%s"
TASK = rb"^\d+%s"
MANY_LINES = ("script", "env")
NEWLINE, BLANK = 10, 32


@dataclass(frozen=True)
class ScriptLines:
    """A task begins at a line with its number; all lines up to the next one are of its script."""

    lines: DelimitedLines
    begin: re.Pattern[bytes]

    def complete(self, data: bytes) -> int:
        """How many bytes hold whole tasks: the script of the last one may go on."""
        begins = [match.start() for match in self.begin.finditer(data)]
        return begins[-1] if len(begins) > 1 else 0

    def rows(self, data: bytes, first_line: int) -> DelimitedRows:
        """As `DelimitedLines.rows`, after each task is put on one line."""
        begins = np.array([match.start() for match in self.begin.finditer(data)], dtype=np.int64)
        flat, starts = self._flat(data, begins)
        rows = self.lines.rows(flat, first_line)
        physical, _ = lines.physical_lines(data)
        numbers = first_line + np.searchsorted(physical, starts)
        of_rejects = numbers[rows.rejects["line"].to_numpy() - first_line]
        at = rows.rejects.column_names.index("line")
        rejects = rows.rejects.set_column(at, "line", pa.array(of_rejects))
        return replace(rows, line=numbers[rows.line - first_line], rejects=rejects)

    def _flat(self, data: bytes, begins: Ints) -> tuple[bytes, Ints]:
        """The tasks, each on one line, and where each line begins in the data."""
        content = lines.as_bytes(data).copy()
        if not begins.size:
            return data, lines.physical_lines(data)[0][:-1]
        ends = np.flatnonzero(content == NEWLINE)
        is_inside = ~np.isin(ends + 1, begins) & (ends > begins[0]) & (ends < content.size - 1)
        content[ends[is_inside]] = BLANK
        content[self._inner_delimiters(content, begins)] = BLANK
        line_starts = ends[~is_inside] + 1
        starts = np.concatenate([[0], line_starts[line_starts < content.size]]).astype(np.int64)
        return content.tobytes(), starts

    def _inner_delimiters(self, content: Bytes, begins: Ints) -> Ints:
        """Delimiters that are text of a script: as many of a task's as are too many for a row."""
        names = self.lines.names
        if sum(name in MANY_LINES for name in names) > 1:
            return np.zeros(0, dtype=np.int64)  # Either field may hold them.
        script = next(at for at, name in enumerate(names) if name in MANY_LINES)
        at = np.flatnonzero(content == ord(self.lines.delimiter))
        task = np.searchsorted(begins, at, side="right") - 1
        at, task = at[task >= 0], task[task >= 0]
        counts = np.bincount(task, minlength=begins.size)
        rank = np.arange(at.size) - (np.cumsum(counts) - counts)[task]
        excess = counts - (len(names) - 1)
        inner: Ints = at[(rank >= script) & (rank < script + excess[task])]
        return inner


def script_lines(split: DelimitedLines) -> ScriptLines | None:
    """How tasks with scripts are split; None when no field goes over many lines."""
    if not {*MANY_LINES} & {*split.names} or split.names[0] != "task_id":
        return None
    mark = re.escape(split.delimiter.encode())
    form = TASK_AND_HASH % (mark, mark) if split.names[1:2] == ("hash",) else TASK % mark
    return ScriptLines(split, re.compile(form, re.MULTILINE))
