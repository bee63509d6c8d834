"""CSV in chunks, against Python's own reader and line by line."""

import csv
import io
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runlore.kernel.errors import BadInput
from runlore.records.formats.cell_checks import UNKNOWN_STATUS
from runlore.records.formats.csv import layout
from runlore.records.mapping import declare

MAPPING = {
    "columns": {"id": "id", "actor": "user", "submitted": "at", "status": "how"},
    "inputs": ["note"],
}
HEADER = b"id,user,at,how,note\n"
AT = "2024-01-01T00:00:00Z"
LONE_RETURN = re.compile(r"\r(?!\n)")


def read(body, mapping=MAPPING, header=HEADER):
    data = header + body
    return layout(data, "log", declare(mapping)).parse(data, 1)


def facts(parsed, *names):
    return [tuple(row[name] for name in names) for row in parsed.records.to_pylist()]


def reasons(parsed):
    return [(row["line"], row["reason"]) for row in parsed.rejects.to_pylist()]


def in_chunks(data, size, mapping=MAPPING):
    """Records and rejects of a file read in chunks of `size` bytes."""
    reader = layout(data, "log", declare(mapping))
    stream, rest, line = io.BytesIO(data), b"", 1
    parts = []
    while block := stream.read(size):
        rest += block
        end = reader.complete(rest)
        parts.append(reader.parse(rest[:end], line))
        line += rest[:end].count(b"\n")
        rest = rest[end:]
    parts.append(reader.parse(rest, line))
    records = [row for part in parts for row in part.records.to_pylist()]
    return records, [each for part in parts for each in reasons(part)]


CELL = st.text(st.sampled_from('ab ",;\n\r\t\\é{}'), max_size=5)


@settings(deadline=None, max_examples=40)
@given(st.lists(CELL, min_size=1, max_size=8), st.sampled_from(["\n", "\r\n"]))
@example(['"'], "\n")
@example(["a\rb", "c"], "\n")
def test_what_python_writes_is_read_back_with_its_lines(notes, line_end):
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=line_end)
    lines = []
    for number, note in enumerate(notes):
        lines.append(out.getvalue().count("\n") + 2)
        writer.writerow([number, note, AT, "ok", "x"])
    parsed = read(out.getvalue().encode())
    assert parsed.rejects.num_rows == 0
    expected = [
        (line, LONE_RETURN.sub(" ", note).strip()) for line, note in zip(lines, notes, strict=True)
    ]
    assert [(line, text.strip()) for line, text in facts(parsed, "line", "actor")] == expected


ROW = st.sampled_from(
    [
        f"7,ann,{AT},ok,x\n",
        f'8,ann,{AT},ok,"two\nlines, and a ""quote"""\n',
        f"9,5'6\" tall,{AT},ok,x\r\n",
        "10,short\n",
        f"11,ann,{AT},dunno,x\n",
        f'12,"open,{AT},ok,x\n',
        f'13,ab",{AT},ok,"x\n',
        f"14,\xff,{AT},ok,x\n",
        f"15,a\0b,{AT},ok,x\n",
        "\n",
        f'16,"",{AT},ok,\n',
        f'17,"ann\n",{AT},ok,"\n\n"\n',
        f'18,ann,{AT},"ok"x,"y" z"\n',
    ]
)


@settings(deadline=None, max_examples=40)
@given(st.lists(ROW, max_size=12), st.integers(40, 120))
def test_the_size_of_the_chunks_changes_nothing(rows, size):
    data = HEADER + "".join(rows).encode("latin-1")
    whole, chunked = in_chunks(data, 1 << 20), in_chunks(data, size)
    assert whole[0] == chunked[0]
    assert whole[1] == chunked[1]


@settings(deadline=None, max_examples=40)
@given(st.lists(ROW, max_size=12))
@example([f'12,"open,{AT},ok,x\n', f"7,ann,{AT},ok,x\n", f'12,"open,{AT},ok,x\n'])
def test_every_row_is_read_or_refused_and_good_rows_next_to_bad_ones_land(rows):
    parsed = read("".join(rows).encode("latin-1"))
    ids = [row.split(",")[0] for row in rows]
    landed = [source_id for (source_id,) in facts(parsed, "source_id")]
    good = [i for i in ids if i in {"7", "9", "16"}]
    assert [i for i in landed if i in {"7", "9", "16"}] == good
    assert "11" not in landed
    assert parsed.rejects.num_rows >= sum(i in {"10", "11", "14", "15"} for i in ids)


def test_each_bad_row_is_refused_with_its_line_and_reason():
    rows = [
        f"1,ann,{AT},ok,x",
        f"2,ann,{AT},great,x",
        "3,ann,yesterday,ok,x",
        "4,ann,,ok,x",
        "5,ann,1699-12-31,ok,x",
        f",ann,{AT},ok,x",
        "7,ann",
        f"8,ann,{AT},ok,x,y",
        f"9,{'a' * 501},{AT},ok,x",
        f"10,ann,{AT},ok,x",
    ]
    parsed = read("\n".join(rows).encode())
    assert facts(parsed, "source_id", "line") == [("1", 2), ("10", 11)]
    assert reasons(parsed) == [
        (3, UNKNOWN_STATUS.replace("{}", "great")),
        (4, "submitted: 'yesterday' is not an instant"),
        (5, "submitted is empty"),
        (6, "submitted: '1699-12-31' is not between 1700 and 2200"),
        (7, "source_id is empty"),
        (8, "has 2 fields, not 5"),
        (9, "has 6 fields, not 5"),
        (10, f"actor is longer than 500 bytes: '{'a' * 80}'"),
    ]
    assert parsed.rejects["raw"][0].as_py() == f"2,ann,{AT},great,x"


def test_times_out_of_order_are_refused():
    header = b"id,submitted,started,finished,duration_s,known_at\n"
    rows = [
        "1,2024-01-02,2024-01-01,,,",
        "2,2024-01-02,,2024-01-01,,",
        "3,2024-01-01,2024-01-03,2024-01-02,,",
        "4,2024-01-02,,,-5,",
        "5,2024-01-02,,,x,",
        "6,2024-01-02,2024-01-03,,60.5,",
        "7,2024-01-02,,,,2024-01-01",
    ]
    parsed = read("\n".join(rows).encode(), {}, header)
    assert reasons(parsed) == [
        (2, "started is before submitted"),
        (3, "finished is before submitted"),
        (4, "finished is before started"),
        (5, "duration_s is negative: '-5'"),
        (6, "duration_s: 'x' is not a length of time"),
        (8, "known_at is before submitted"),
    ]
    (started, finished, known_at) = facts(parsed, "started", "finished", "known_at")[0]
    assert finished - started == 60_500_000
    assert known_at == finished


def test_work_without_a_status_is_open_until_it_has_finished():
    header = b"id,submitted,started,finished\n"
    rows = b"1,2024-01-01,,\n2,2024-01-01,2024-01-02,\n3,2024-01-01,2024-01-02,2024-01-03\n"
    parsed = read(rows, {}, header)
    assert [status for (status,) in facts(parsed, "status")] == ["submitted", "running", "unknown"]
    known_at = [(us // 86_400_000_000) - 19723 for (us,) in facts(parsed, "known_at")]
    assert known_at == [0, 1, 2]


def test_finished_work_whose_status_is_open_is_refused():
    header = b"id,submitted,finished,status\n"
    parsed = read(b"1,2024-01-01,2024-01-02,running\n", {}, header)
    assert reasons(parsed) == [(2, "it has finished, but its status is 'running'")]


def test_status_words_are_read_in_any_case_and_a_mapping_s_own_come_first():
    mapping = {**MAPPING, "status": {"OK": "partial", "Out to lunch": "cancelled"}}
    words = ["SUCCESS", "ok", "Timed Out", "out-to-lunch", " crashed "]
    rows = "".join(f"{i},a,{AT},{word},x\n" for i, word in enumerate(words))
    parsed = read(rows.encode(), mapping)
    assert [status for (status,) in facts(parsed, "status")] == [
        "succeeded",
        "partial",
        "failed",
        "cancelled",
        "failed",
    ]


def test_inputs_keep_their_types_and_missing_ones_are_left_out():
    header = b"id,at,a,b,c\n"
    mapping = {"columns": {"submitted": "at"}, "inputs": {"a": "a", "bee": "b"}, "outcome": ["c"]}
    parsed = read(b'1,2024-01-01,7,"x ""y""",0.5\n2,2024-01-01,NA,,null\n', mapping, header)
    assert facts(parsed, "inputs", "outcome") == [
        ('{"a":7,"bee":"x \\"y\\""}', '{"c":0.5}'),
        ("{}", "{}"),
    ]


def test_rows_without_an_id_are_named_by_what_they_say():
    header = b"at,who\n"
    mapping = {"columns": {"submitted": "at", "actor": "who"}}
    rows = b"2024-01-01,ann\n2024-01-01,bob\n2024-01-01,ann\n"
    first, bob, again = (i for (i,) in facts(read(rows, mapping, header), "source_id"))
    assert first.removesuffix(".0") == again.removesuffix(".1")
    assert bob.endswith(".0")
    assert bob != first
    whole, chunked = (
        in_chunks(header + rows * 9, 1000, mapping),
        in_chunks(header + rows * 9, 40, mapping),
    )
    assert whole == chunked
    assert len({row["source_id"] for row in whole[0]}) == 27


def test_delimiter_quotes_blanks_and_byte_order_mark_of_the_header_are_seen_through():
    data = b'\xef\xbb\xbf"id"; submitted ;actor\r\n1;2024-01-01;a,b\r\n'
    assert facts(read(data, {}, b""), "source_id", "actor") == [("1", "a,b")]


def test_blank_lines_are_no_rows():
    parsed = read(b"\n\r\n1,a,2024-01-01,ok,x\n\n", header=b"\n" + HEADER)
    assert facts(parsed, "line") == [(5,)]
    assert parsed.rejects.num_rows == 0


def test_metric_points_are_read_and_refused():
    header = b"at,cpu,host\n"
    mapping = {
        "records": "metrics",
        "columns": {"value": "cpu", "scope": "host"},
        "constants": {"name": "cpu"},
    }
    parsed = read(b"2024-01-01,0.5,h1\n2024-01-01,,h1\n2024-01-02,inf,h1\n,1,h1\n", mapping, header)
    assert facts(parsed, "name", "scope", "value") == [("cpu", "h1", 0.5)]
    assert reasons(parsed) == [
        (3, "value is empty"),
        (4, "value: 'inf' is not a finite number"),
        (5, "at is empty"),
    ]


@pytest.mark.parametrize(
    ("head", "message"),
    [(b"", "the file is empty"), (b"\n \n", "the file is empty"), (b"a,a\n", "names 'a' twice")],
)
def test_a_file_without_a_usable_header_is_refused(head, message):
    with pytest.raises(BadInput, match=message):
        layout(head, "log", declare({}))
