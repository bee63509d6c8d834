"""Logs of JSON objects: in lines, in lists, in pieces."""

import gzip
import json
from datetime import UTC, datetime

import pytest

from runlore.ingest.actions.formats import START
from runlore.ingest.actions.opening import FileSource, open_log
from runlore.kernel.errors import BadInput
from runlore.kernel.instants import to_us
from runlore.records.mapping import declare
from tests.ingest.csv_log import NOW

MAPPING = {
    "columns": {"submitted": "queued_at", "actor": "user.name", "status": "result"},
    "inputs": {"cpus": "ask.cpus", "release": "release", "labels": "labels"},
    "outcome": ["cost"],
}


def job(number, **changes):
    return {
        "id": number,
        "queued_at": f"2024-01-01T00:{number % 60:02d}:00Z",
        "user": {"name": f"user{number % 3}", "id": 7},
        "result": "ok",
        "ask": {"cpus": 2 + number % 4, "memory": 1.5},
        "release": "1.10" if number % 2 else "1.1",
        "labels": ["gpu", "large"],
        "cost": number / 4,
    } | changes


def pieces(path, mapping=None, **options):
    source = FileSource(
        path, "jsonl", "log", declare(MAPPING if mapping is None else mapping), **options
    )
    return list(open_log(source, to_us(NOW)).pieces(options.pop("after", START)))


def rows(file_pieces):
    return [row for piece in file_pieces for row in piece.parsed.records.to_pylist()]


def refused(file_pieces):
    return [
        (row["line"], row["reason"].split(":")[0])
        for piece in file_pieces
        for row in piece.parsed.rejects.to_pylist()
    ]


def lines(jobs):
    return "".join(json.dumps(one) + "\n" for one in jobs)


JOBS = [job(n) for n in range(1, 30)]
FORMS = {
    "lines": lines(JOBS).encode(),
    "lines with carriage returns": lines(JOBS).replace("\n", "\r\n").encode(),
    "lines after a byte order mark": b"\xef\xbb\xbf" + lines(JOBS).encode(),
    "lines and blank ones": lines(JOBS).replace("\n", "\n\n").encode(),
    "UTF-16": lines(JOBS).encode("utf-16"),
    "a list": json.dumps(JOBS).encode(),
    "a list over many lines": json.dumps(JOBS, indent=2).encode(),
    "objects over many lines": "\n".join(json.dumps(one, indent=1) for one in JOBS).encode(),
    "gzip": gzip.compress(lines(JOBS).encode()),
}


@pytest.mark.parametrize("chunk_bytes", [1 << 20, 400])
@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS.keys())
def test_objects_are_read_in_lines_and_in_lists(tmp_path, content, chunk_bytes):
    path = tmp_path / "log.jsonl"
    path.write_bytes(content)
    jobs = rows(pieces(path, chunk_bytes=chunk_bytes))
    assert [row["source_id"] for row in jobs] == [str(one["id"]) for one in JOBS]
    first = jobs[0]
    assert (first["actor"], first["status"]) == ("user1", "succeeded")
    assert json.loads(first["inputs"]) == {"cpus": 3, "release": "1.10", "labels": "gpu,large"}
    assert json.loads(first["outcome"]) == {"cost": 0.25}
    assert datetime.fromtimestamp(first["submitted"] / 1e6, UTC).minute == 1


def test_the_size_of_the_chunks_changes_nothing(tmp_path):
    path = tmp_path / "log.jsonl"
    mixed = [7, 7.0, "7", "7.0", True, None, 10**20, 1e300, "", "x", 10**400]
    path.write_text(lines(job(n, cost=value) for n, value in enumerate(mixed)))
    whole = rows(pieces(path))
    assert rows(pieces(path, chunk_bytes=10)) == whole
    outcomes = [row["outcome"].removeprefix('{"cost":').removesuffix("}") for row in whole]
    assert outcomes == [
        *(
            "7",
            "7.0",
            '"7"',
            '"7.0"',
            "true",
            "{",
            "100000000000000000000",
            "1e+300",
            '""',
            '"x"',
            str(10**400),
        )
    ]


def test_a_star_takes_every_other_key_also_one_that_comes_late(tmp_path):
    path = tmp_path / "log.jsonl"
    late = job(2, late={"er": 5})
    path.write_text(lines([job(1), late]))
    columns = {"submitted": "queued_at"}
    facts = rows(pieces(path, {"columns": columns, "inputs": "*"}, chunk_bytes=10))
    assert "late.er" not in json.loads(facts[0]["inputs"])
    assert json.loads(facts[1]["inputs"])["late.er"] == 5
    assert json.loads(facts[1]["inputs"])["user.name"] == "user2"


def test_types_of_the_mapping_hold_for_json(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(lines([job(1, release=1.5, cost="2.50", ask={"cpus": "1m 4s"})]))
    mapping = MAPPING | {
        "inputs": ["text:release", "duration:ask.cpus"],
        "outcome": ["number:cost"],
    }
    (row,) = rows(pieces(path, mapping))
    assert json.loads(row["inputs"]) == {"release": "1.5", "ask.cpus": 64}
    assert json.loads(row["outcome"]) == {"cost": 2.5}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[1]", "is not a JSON object"),
        ("nonsense", "is not valid JSON"),
        ('{"id": 5', "is not valid JSON"),
        ('{"id": 5, "queued_at": "soon"}', "submitted"),
        ('{"id": 5}', "submitted is empty"),
        ('{"id": null, "queued_at": "2024-01-01"}', "source_id is empty"),
        ("[" * 100_000, "is not valid JSON"),
    ],
)
def test_a_bad_line_is_refused_and_its_neighbours_land(tmp_path, line, reason):
    path = tmp_path / "log.jsonl"
    path.write_text(lines([job(1)]) + line + "\n" + lines([job(2)]))
    file_pieces = pieces(path)
    assert refused(file_pieces) == [(2, reason)]
    assert len(rows(file_pieces)) == 2


def test_text_that_postgresql_cannot_hold_is_replaced(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(lines([job(1, release="a\0b\ud800", user={"name": "c\0\udfff"})]))
    (row,) = rows(pieces(path))
    assert row["actor"] == "c\N{REPLACEMENT CHARACTER}?"
    assert json.loads(row["inputs"])["release"] == "a\N{REPLACEMENT CHARACTER}b?"


def test_a_last_line_without_an_end_waits_and_a_key_that_is_never_there_is_a_warning(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(lines([job(1), job(2)]) + '{"id": 3')
    file_pieces = pieces(path, MAPPING | {"outcome": ["price"]})
    assert [row["source_id"] for row in rows(file_pieces)] == ["1", "2"]
    assert file_pieces[-1].unfinished_line == 3
    assert file_pieces[0].parsed.warnings == {"have nothing under 'price'; is the key right?": 2}


def test_objects_without_an_id_are_named_by_all_that_they_say(tmp_path):
    path = tmp_path / "log.jsonl"
    jobs = [{k: v for k, v in job(n).items() if k != "id"} for n in (1, 2, 1)]
    path.write_text(lines(jobs))
    names = [row["source_id"] for row in rows(pieces(path))]
    assert len(set(names)) == 3
    assert [row["source_id"] for row in rows(pieces(path, chunk_bytes=10))] == names


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("id,submitted\n", "it holds no JSON objects; is it CSV"),
        ("[1, 2]", "an item of the list is not an object"),
        ('[{"id": 1}]', "submitted: no column is mapped to it"),
    ],
)
def test_a_file_that_holds_no_jobs_is_refused_with_the_reason(tmp_path, content, message):
    path = tmp_path / "log.jsonl"
    path.write_text(content)
    with pytest.raises(BadInput, match=message):
        pieces(path, {})
