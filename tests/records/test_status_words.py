"""Words for statuses: patterns, rows that are ignored, any case; and ids of several columns."""

from pathlib import Path

import pyarrow as pa
import pytest

from runlore.kernel.errors import BadInput
from runlore.records.formats import csv
from runlore.records.formats.row_ids import joined_ids
from runlore.records.mapping import declare

CASES = Path(__file__).parents[3] / "shared" / "cases"
AT = "2026-01-01T00:00:00Z"
CHOICES = "succeeded, failed, cancelled, partial, unknown, submitted, running, ignore"
needs_cases = pytest.mark.skipif(not CASES.exists(), reason="the shared cases are not here")


def read(words, **status):
    rows = "".join(f"{n},{AT},{AT},{word}\n" for n, word in enumerate(words))
    content = f"id,submitted,finished,status\n{rows}".encode()
    mapping = declare({"status": status.get("status", {})})
    return csv.layout(content, "log", mapping).parse(content, 1)


@pytest.mark.parametrize(
    ("word", "declared", "status"),
    [
        ("CANCELLED by 32001", {"CANCELLED*": "cancelled"}, "cancelled"),
        ("cancelled by 7", {"CANCELLED*": "cancelled"}, "cancelled"),
        ("exit 137", {"exit 0": "succeeded", "exit *": "failed"}, "failed"),
        ("exit 0", {"exit *": "failed", "exit 0": "succeeded"}, "succeeded"),
        ("worker-lost: oom", {"*oom": "FAILED"}, "failed"),
        ("Failed (1.2)", {"failed (*)": "failed"}, "failed"),
        ("green", {"GREEN": "Succeeded"}, "succeeded"),
        ("completed", {"comp*": "partial"}, "partial"),
        ("SUCCESS", {"x*": "failed"}, "succeeded"),
    ],
)
def test_a_word_means_what_fits_it_best_in_any_case(word, declared, status) -> None:
    result = read([word], status=declared)
    assert result.records["status"].to_pylist() == [status]


def test_a_pattern_covers_the_whole_word() -> None:
    result = read(
        ["not cancelled", "a.c", "abc"],
        status={"cancelled*": "cancelled", "a.c": "ok" and "failed"},
    )
    assert result.records["status"].to_pylist() == ["failed"]
    assert result.rejects["line"].to_pylist() == [2, 4]


def test_ignored_rows_are_counted_by_the_word_that_was_declared() -> None:
    words = ["ok", "skipped", "Skipped", "removed by 1", "removed by 2", "great"]
    result = read(words, status={"skipped": "ignore", "removed*": "IGNORE"})
    assert result.records["source_id"].to_pylist() == ["0"]
    assert result.skipped == {
        "with the status 'skipped', which is ignored": 2,
        "with the status 'removed*', which is ignored": 2,
    }
    assert result.rejects["line"].to_pylist() == [7]
    assert result.rejects["raw"].to_pylist() == [f"5,{AT},{AT},great"]
    assert result.rows == 6


def test_ignored_rows_may_be_as_wrong_as_they_like() -> None:
    content = b"id,submitted,status\n,never,skipped\n1,2026-01-01,ok\n"
    mapping = declare({"status": {"skipped": "ignore"}})
    result = csv.layout(content, "log", mapping).parse(content, 1)
    assert (result.records.num_rows, result.rejects.num_rows) == (1, 0)


def test_the_hint_of_an_unknown_word_lists_all_choices() -> None:
    (reason,) = read(["great"]).rejects["reason"].to_pylist()
    assert reason.endswith(f"where STATUS is one of {CHOICES}")
    assert "--status 'great=STATUS'" in reason
    with pytest.raises(BadInput, match=CHOICES):
        declare({"status": {"great": "fine"}})


def test_ids_of_several_columns_never_collide() -> None:
    columns = [
        pa.array(["a", "a/b", "a\\", "a", None, " x ", None]),
        pa.array(["b/c", "c", "/b/c", "b", "b", "y", None]),
    ]
    names = joined_ids(columns).to_pylist()
    assert names == ["a/b\\/c", "a\\/b/c", "a\\\\/\\/b\\/c", "a/b", "/b", "x/y", ""]
    assert joined_ids([pa.array([1.0, None]), pa.array([0, -1])]).to_pylist() == ["1/0", "/-1"]


@pytest.mark.parametrize("chunk", [slice(0, 3), slice(3, 4), slice(5, 6)])
def test_an_id_does_not_depend_on_the_rows_around_it(chunk) -> None:
    columns = [pa.array(["a", "a/b", "a\\", "c\\d", None, "x"]), pa.array(list("bcdefg"))]
    parts = joined_ids([column[chunk.start : chunk.stop] for column in columns])
    assert parts.to_pylist() == joined_ids(columns).to_pylist()[chunk]


def ids_of(header, row, id_columns):
    content = f"{header}\n{row}\n".encode()
    columns = {"id": id_columns, "submitted": "at"}
    layout = csv.layout(content, "log", declare({"columns": columns, "inputs": "*"}))
    result = layout.parse(content, 1)
    return result.records["source_id"].to_pylist(), result.records["inputs"].to_pylist()


@pytest.mark.parametrize(
    ("header", "id_columns", "name"),
    [
        ("dag_id,run_id,task_id,map_index,at", "dag_id+run_id+task_id+map_index", "1/2/3/4"),
        ("build,attempt,b,c,at", "build + attempt", "1/2"),
        ("a+b,c,d,e,at", "a+b", "1"),
        ("a+b,c,a,b,at", "a+b", "1"),
    ],
)
def test_an_id_may_be_made_of_several_columns(header, id_columns, name) -> None:
    names, (inputs,) = ids_of(header, f"1,2,3,4,{AT}", id_columns)
    assert names == [name]
    assert inputs.count(":") == 4 - len(name.split("/"))


def test_a_missing_part_of_an_id_is_named() -> None:
    with pytest.raises(BadInput, match=r"^id: there is no column 'try'; there are a, b, at"):
        ids_of("a,b,at", f"1,2,{AT}", "a+try")


def test_a_row_without_any_part_of_its_id_is_refused() -> None:
    content = f"a,b,at\n,,{AT}\n,2,{AT}\n".encode()
    layout = csv.layout(content, "log", declare({"columns": {"id": "a+b", "submitted": "at"}}))
    result = layout.parse(content, 1)
    assert result.rejects["reason"].to_pylist() == ["source_id is empty"]
    assert result.records["source_id"].to_pylist() == ["/2"]


@needs_cases
def test_a_table_of_jobs_of_slurm_is_read_with_patterns() -> None:
    content = (CASES / "slurm-steps-and-states" / "sacct.txt").read_bytes()
    columns = {"id": "JobID", "submitted": "Submit", "started": "Start", "finished": "End"}
    mapping = declare(
        {
            "columns": columns | {"status": "State"},
            "status": {"CANCELLED*": "cancelled", "REQUEUED": "ignore", "SUSPENDED": "ignore"},
        }
    )
    result = csv.layout(content, "slurm", mapping).parse(content, 1)
    assert sum(result.skipped.values()) == 2
    unread = {reason for reason in result.rejects["reason"].to_pylist() if "status" in reason}
    assert unread == set()


@needs_cases
def test_a_table_of_task_instances_is_read_with_an_id_of_several_columns() -> None:
    content = (CASES / "airflow" / "ti.csv").read_bytes()
    mapping = declare(
        {
            "columns": {
                "id": "dag_id+run_id+task_id+try_number",
                "submitted": "queued_dttm",
                "started": "start_date",
                "finished": "end_date",
                "status": "state",
            },
            "status": dict.fromkeys(("skipped", "upstream_failed", "removed"), "ignore")
            | {"up_for_retry": "failed", "deferred": "running"},
        }
    )
    result = csv.layout(content, "airflow", mapping).parse(content, 1)
    assert sum(result.skipped.values()) == 3
    names = result.records["source_id"].to_pylist()
    assert len(names) == len(set(names)) >= 6
    assert result.rejects["reason"].to_pylist() == ["started is before submitted"]
