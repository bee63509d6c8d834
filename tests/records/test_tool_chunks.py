"""Logs of tools that are read in chunks of any sizes give what they give at once."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.records.formats import nextflow, slurm
from tests.records.test_nextflow import ALL, ENDED, WITH_SCRIPT, table
from tests.records.test_slurm import JOB, RAN, STEP_HEADER, STEPS_OF_7

JOBS = [JOB, *STEPS_OF_7, f"8_1|{RAN}||", f"8_2|{RAN}||", f"8_2.0|{RAN}|7K|00:00:09", f"x|{RAN}"]
LOGS = {
    "slurm": (slurm.layout, "\n".join([STEP_HEADER, *JOBS, f"9+0.1|{RAN}|1K|", JOB, ""])),
    "nextflow": (
        nextflow.layout,
        table(
            ALL,
            *((str(number), f"aa/{number:06x}", *WITH_SCRIPT[2:]) for number in range(3)),
            ("7", "aa/000007", "cut"),
            ("8", "aa/000008", "y", "CACHED", ENDED[4], "-", *ENDED[5:], "1"),
        ),
    ),
}


def in_chunks(layout, data, sizes):
    """What is read of whole chunks, and of what is left at the end."""
    parsed, rest, line = [], b"", 1
    for size in [*sizes, len(data)]:
        rest, data = rest + data[:size], data[size:]
        end = layout.complete(rest)
        if end:
            parsed.append(layout.parse(rest[:end], line))
            line += rest[:end].count(b"\n")
            rest = rest[end:]
    return [*parsed, layout.parse(rest, line)]


def content(parsed):
    """All executions and rejects, and how many rows were skipped."""
    rows = [row for part in parsed for row in part.records.to_pylist()]
    rejects = [row for part in parsed for row in part.rejects.to_pylist()]
    return rows, rejects, sum((Counter(part.skipped) for part in parsed), Counter())


@pytest.mark.parametrize("tool", LOGS)
@given(sizes=st.lists(st.integers(1, 400), max_size=12))
def test_chunks_of_any_sizes_give_the_same_executions(tool, sizes):
    open_layout, text = LOGS[tool]
    data = text.encode()
    layout = open_layout(data, tool, "UTC")
    assert content(in_chunks(layout, data, sizes)) == content([layout.parse(data, 1)])
