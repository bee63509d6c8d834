"""JSON exports of any shape are read as streams of objects."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.ingest.actions.documents import JsonFile
from runlore.ingest.actions.formats import START
from runlore.kernel.errors import BadInput
from runlore.records.formats.exports import ExportParser
from runlore.records.formats.gitlab import GitlabReader

LISTS = ("jobs", "runs")


def job(number):
    at = "2026-10-02T10:00:00Z"
    times = {"created_at": at, "started_at": at, "finished_at": at}
    return {"id": number, "name": "a", "status": "success", **times}


def read(path, size=3, after=START):
    """The ids in a file, and its last mark."""
    parser = ExportParser(GitlabReader("s"), LISTS)
    pieces = list(JsonFile(path, parser, size).pieces(after))
    assert [piece.mark for piece in pieces[:-1]] == [None] * (len(pieces) - 1)
    ids = [name for piece in pieces for name in piece.parsed.records["source_id"].to_pylist()]
    return ids, pieces[-1].mark


@pytest.fixture
def write(tmp_path):
    def run(content):
        path = tmp_path / "export.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return run


SHAPES = {
    "list": json.dumps,
    "indented list": lambda rows: json.dumps(rows, indent=2),
    "an object a line": lambda rows: "".join(json.dumps(row) + "\n" for row in rows),
    "objects without line ends": lambda rows: "".join(map(json.dumps, rows)),
    "page": lambda rows: json.dumps({"total": 9, "jobs": rows, "next": None}),
    "page of several lists": lambda rows: json.dumps({"runs": rows[:2], "jobs": rows[2:]}),
    "pages": lambda rows: "\n".join(json.dumps({"jobs": [row]}) for row in rows),
    "pages of several lists": lambda rows: "".join(
        json.dumps({LISTS[row["id"] % 2]: [row]}) for row in rows
    ),
    "lists": lambda rows: "".join(json.dumps([row]) for row in rows),
    "list of lists": lambda rows: json.dumps([rows[:2], rows[2:]]),
    "list of pages": lambda rows: json.dumps([{"jobs": rows[:2]}, {"runs": rows[2:]}]),
    "byte order mark": lambda rows: "\ufeff" + json.dumps(rows),
    "UTF-16": lambda rows: json.dumps(rows).encode("utf-16"),
    "pages in UTF-16": lambda rows: json.dumps({"jobs": rows}, indent=2).encode("utf-16"),
    "UTF-16 without a mark": lambda rows: json.dumps({"jobs": rows}).encode("utf-16-le"),
    "blanks first": lambda rows: "\n\n  " + json.dumps(rows),
}


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=15)
@given(count=st.integers(1, 8), size=st.integers(1, 5))
def test_every_object_of_every_shape_is_read_once(shape, tmp_path_factory, count, size):
    path = tmp_path_factory.mktemp("json") / "export.json"
    content = SHAPES[shape]([job(number) for number in range(1, count + 1)])
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    ids, mark = read(path, size)
    assert sorted(ids) == sorted(str(number) for number in range(1, count + 1))
    assert read(path, size, mark)[0] == []


def test_a_gzipped_export_is_decompressed(write):
    path = write(gzip.compress(json.dumps([job(1), job(2)]).encode()))
    assert read(path)[0] == ["1", "2"]


def test_a_list_far_behind_other_keys_of_its_page_is_found(write):
    page = {"note": "x" * 400_000, "jobs": [job(1)]}
    assert read(write(json.dumps(page)))[0] == ["1"]


@pytest.mark.parametrize("shape", ["list", "page", "an object a line"])
def test_an_export_that_is_cut_short_is_refused_after_its_whole_objects(shape, write):
    text = SHAPES[shape]([job(number) for number in range(1, 8)])
    parser = ExportParser(GitlabReader("s"), LISTS)
    pieces = iter(JsonFile(write(text[: len(text) * 3 // 4]), parser, 2).pieces(START))
    whole = [next(pieces), next(pieces)]
    assert [piece.mark for piece in whole] == [None, None]
    ids = [name for piece in whole for name in piece.parsed.records["source_id"].to_pylist()]
    assert ids == ["1", "2", "3", "4"]
    with pytest.raises(BadInput, match="not valid JSON"):
        next(pieces)


@pytest.mark.parametrize("text", ["[1, 2]", '["a"]', "[null]"])
def test_a_list_of_anything_but_objects_is_refused(text, write):
    with pytest.raises(BadInput, match="is not an object"):
        read(write(text))


@pytest.mark.parametrize(
    "page", [{"message": "401 Unauthorized"}, {"data": {"project": {"jobs": []}}}, [{"iid": 3}]]
)
def test_json_of_another_kind_is_refused_with_what_it_has(page, write):
    with pytest.raises(BadInput, match=r"have none of id, status, created_at; they have: \w+"):
        read(write(json.dumps(page)))


def test_text_that_no_database_holds_is_made_readable(write):
    rows = [job(1) | {"name": "a\0b"}, job(2) | {"name": "\ud800"}, job(3) | {"name": 7}]
    path = write(json.dumps(rows))
    parser = ExportParser(GitlabReader("s"))
    records = [piece.parsed.records for piece in JsonFile(path, parser).pieces(START)]
    assert records[0]["kind"].to_pylist() == ["ab", "?", "7"]


def test_a_changed_export_is_another_one(write):
    path = write(json.dumps([job(1)]))
    mark = read(path)[1]
    log = JsonFile(path, ExportParser(GitlabReader("s")))
    assert log.starts_with(mark)
    write(json.dumps([job(1), job(2)]))
    assert not log.starts_with(mark)
