"""Formats and columns are named without a question, or not at all."""

import pytest

from runlore.look.rules.column_guess import as_options, guess, words_of
from runlore.look.rules.detection import detect
from runlore.records.mapping import declare


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"; Version: 2\n1 0 1 10 4 -1 -1 4 60 -1 1 1 1 1 1 1 -1 -1\n", "swf"),
        (b"1 0 1 10 4 -1 -1 4 60 -1 1 1 1 1 1 1 -1 -1\n", "swf"),
        (b"JobID|User|State\n1|ann|COMPLETED\n", "slurm"),
        (b"task_id\thash\tnative_id\tname\tstatus\n", "nextflow"),
        (b"dag_id,task_id,run_id,state\n", "airflow"),
        (b'{"task_instances": [{"dag_id": "a"}]}', "airflow"),
        (b'[{"databaseId": 1, "conclusion": "success"}]', "github"),
        (b'{"workflow_runs": [{"id": 1}], "total_count": 1}', "github"),
        (b'[{"id": 1, "stage": "test", "pipeline": {}, "status": "success"}]', "gitlab"),
        (b'{"_class": "hudson.model.Job", "builds": []}', "jenkins"),
        (b'{"eventType": "START", "eventTime": "x", "run": {}}\n', "openlineage"),
        (b"Building DAG of jobs...\n", "snakemake"),
        (b'{"id": 1, "status": "ok"}\n', "jsonl"),
        (b"PAR1\x00", "parquet"),
        (b"id,user,status\n", "csv"),
        (b"", "csv"),
    ],
)
def test_a_format_shows_in_the_first_bytes(head: bytes, kind: str) -> None:
    assert detect(head) == kind


def test_columns_are_known_by_common_names() -> None:
    cells = {
        "Build Number": ["1", "2"],
        "triggeredBy": ["ann", "ann"],
        "queuedAt": ["2025-01-01T00:00:00Z"] * 2,
        "Result": ["SUCCESS", "FAILURE"],
        "workflow": ["ci", "ci"],
        "size": ["1", "2"],
    }
    assert guess(cells).columns == {
        "submitted": "queuedAt",
        "status": "Result",
        "actor": "triggeredBy",
        "kind": "workflow",
        "source_id": "Build Number",
    }


def test_a_flag_of_failures_is_a_status() -> None:
    found = guess({"build_Failed": ["1", "0"], "started_at": ["2025-01-01 1:00"] * 2})
    assert found.document["status"] == {"0": "succeeded", "1": "failed"}
    assert found.columns == {"submitted": "started_at", "status": "build_Failed"}


def test_german_names_and_decimal_commas() -> None:
    cells = {"Eingang": ["1.1.2025 6:21"], "Ende": ["1.1.2025 7:21"], "Status": ["Erledigt"]}
    found = guess(cells | {"Gewicht": ["3,5"]}, ";")
    assert found.document["decimal"] == ","
    assert found.columns == {"submitted": "Eingang", "finished": "Ende", "status": "Status"}


def test_words_that_are_no_status_are_not_taken_for_one() -> None:
    assert "status" not in guess({"state": ["Ohio", "Texas"], "date": ["2025-01-01"]}).columns


def test_numbers_of_seconds_since_1970_have_their_unit() -> None:
    found = guess({"submitted": ["1735689600000"], "status": ["ok"]})
    assert found.document["epoch"] == "ms"


def test_options_say_a_mapping_again() -> None:
    mapping = declare(
        {"columns": {"id": "run", "submitted": "at"}, "inputs": "*", "status": {"1": "failed"}}
    )
    assert as_options(mapping) == [
        *("--map", "id=run", "--map", "submitted=at"),
        *("--status", "1=failed", "--inputs", "*"),
    ]


def test_names_are_compared_without_case_and_prefixes() -> None:
    assert words_of("tr_build_id") == words_of("BuildId") == "build_id"
