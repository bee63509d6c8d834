"""The cases and exports of Airflow and GitHub that stand beside the repository, where they do."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from tests.ingest.pipeline_logs import read_export

SHARED = Path(__file__).parents[3] / "shared"


def content(name):
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"no {path}")
    data = path.read_bytes()
    return (gzip.decompress(data) if name.endswith(".gz") else data).decode()


def test_the_case_of_airflow_is_six_executions_and_four_that_never_ran_or_wait(tmp_path):
    export = read_export(tmp_path, "airflow", content("cases/airflow/ti.csv"))
    assert export.reasons == []
    assert sum(export.skipped.values()) == 4
    assert Counter(row["status"] for row in export.executions.values()) == {
        "succeeded": 4,
        "failed": 1,
        "running": 1,
    }
    requeued = export.executions["etl/scheduled__2026-10-02T00:00:00+00:00/load/-1/2"]
    assert requeued["submitted"] == requeued["started"] == "00:00:05.2"


def test_mapped_tasks_and_tries_of_the_export_of_airflow_do_not_collapse(tmp_path):
    text = content("data/exports/airflow-task_instance.csv.gz")
    export = read_export(tmp_path, "airflow", text)
    assert export.reasons == []
    assert export.rows == len(export.executions)
    assert export.rows + sum(export.skipped.values()) == text.count("\n") - 1
    assert Counter(row["status"] for row in export.executions.values())["failed"] == 60


def test_the_export_of_gh_is_read_without_a_mapping(tmp_path):
    runs = json.loads(content("data/exports/gh-run-list.json.gz"))
    export = read_export(tmp_path, "github", runs)
    assert export.reasons == []
    assert export.rows == len(export.executions) == 557
    assert export.skipped == {
        "runs that GitHub skipped": 21,
        "runs that wait or waited for an approval": 22,
    }
    assert {row["kind"] for row in export.executions.values()} == {"CI", "CodeQL", "Deploy", "Docs"}
