"""`--dry-run`: what an ingest would do, without a database and without a trace."""

import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.ingest.actions.preview import preview_file
from runlore.log.executions import read_facts
from runlore.records.mapping import declare
from tests.ingest.tool_logs import TOOL_LOGS

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LOG = """build,who,queued,ended,result,branch
1,ann,2026-01-01T00:00:00Z,2026-01-01T00:10:00Z,ok,main
2,bob,2026-01-01T01:00:00Z,2026-01-01T01:10:00Z,BROKEN PIPE,main
3,bob,2026-01-01T02:00:00Z,,skipped,dev
4,bob,never,,ok,dev
5,bob,2026-01-01T03:00:00Z,2026-01-01T03:01:00Z,great,dev
"""
OPTIONS = [
    *("--map", "id=build+branch", "--map", "actor=who", "--map", "submitted=queued"),
    *("--map", "finished=ended", "--map", "status=result", "--inputs", "branch"),
    *("--status", "broken*=failed", "--status", "skipped=ignore", "--source", "ci"),
]


@pytest.fixture
def dry(tmp_path, monkeypatch, run_ingest):
    """Runs the command where there is no database, and checks that it leaves nothing behind."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("RUNLORE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    monkeypatch.setenv("RUNLORE_HOME", str(home))

    def run(*arguments, code=0):
        output = run_ingest(*arguments, "--dry-run", code=code)
        assert {path.name for path in home.iterdir()} <= {"run"}  # of every command
        return output

    return run


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "builds.csv"
    path.write_text(LOG)
    return path


def test_counts_reasons_and_the_first_rows_are_shown(dry, log) -> None:
    output = dry("csv", log, *OPTIONS).out
    assert "5 rows: 2 accepted (2 executions), 2 rejected, 1 skipped" in output
    assert "skipped: 1 with the status 'skipped', which is ignored" in output
    assert "from line 6 on: status … is unknown" in output
    assert "values: great" in output
    assert "id                   1/main" in output
    assert "inputs.branch        main" in output
    assert "submitted            2026-01-01T00:00:00+00:00" in output
    assert "nothing was written" in output
    assert all(len(line) <= 80 for line in output.splitlines()[1:])


def test_programs_get_the_same_as_json(dry, log) -> None:
    document = json.loads(dry("csv", log, *OPTIONS, "--json").out)
    counts = {name: document[name] for name in ("rows", "accepted", "executions", "rejected")}
    assert counts == {"rows": 5, "accepted": 2, "executions": 2, "rejected": 2}
    assert document["dry_run"] is True
    first, second = document["first"]
    assert (first["id"], first["status"], first["inputs"]) == (
        "1/main",
        "succeeded",
        {"branch": "main"},
    )
    assert (second["line"], second["status"]) == (3, "failed")
    assert {group["line"] for group in document["rejects"]} == {5, 6}


def test_a_file_of_which_nothing_would_get_in_ends_with_1(dry, log) -> None:
    log.write_text("id,submitted\n1,never\n")
    assert "nothing would be ingested" in dry("csv", log, code=1).err


def test_points_of_metrics_are_shown_as_well(dry, tmp_path) -> None:
    path = tmp_path / "load.csv"
    path.write_text("at,value\n2024-01-01T00:00Z,0.5\n")
    document = json.loads(dry("csv", path, "--metrics", "--const", "name=cpu", "--json").out)
    assert document["executions"] == 1
    assert document["first"][0]["value"] == 0.5


@pytest.mark.parametrize("tool", TOOL_LOGS)
def test_each_tool_has_it_and_counts_what_the_ingest_takes(tool, dry, store, tmp_path) -> None:
    made = TOOL_LOGS[tool]
    path = tmp_path / f"log{made.suffix}"
    path.write_text(made.make(20))
    document = json.loads(dry(tool, path, "--json").out)
    summary = ingest_file(store, FileSource(path, made.format, made.format), NOW)
    assert document["executions"] == summary.new == 20
    assert document["rejected"] == summary.rejected
    assert document["skipped"] == dict(summary.skipped)
    assert document["first"][0]["kind"] == read_facts(store)["kind"].iloc[0]


EVENT = (
    '{{"eventType": "{}", "eventTime": "2026-01-01T00:0{}:00Z", "run": {{"runId":'
    ' "3f5e83fa-3480-44ff-99c5-ff943904e5e8"}}, "job": {{"namespace": "n", "name": "j"}},'
    ' "producer": "p", "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json"}}\n'
)


def test_events_of_one_run_are_one_execution(dry, tmp_path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text(EVENT.format("START", 0) + EVENT.format("COMPLETE", 1))
    document = json.loads(dry("openlineage", path, "--json").out)
    assert (document["rows"], document["executions"]) == (2, 1)
    assert document["first"][0]["status"] == "succeeded"


@pytest.mark.parametrize("tool", ["airflow", "github", "gitlab", "jenkins"])
def test_a_server_is_not_read_for_it(tool, dry) -> None:
    assert "save the export" in dry(tool, "--url", "http://127.0.0.1:1/o/n", code=1).err


def test_warnings_are_kept_with_the_ingest_and_shown_again(runlore, store, log) -> None:
    rows = [f"{n % 5},2026-01-01T00:00Z,2026-01-01T00:{n:02}:00Z,ok\n" for n in range(50)]
    log.write_text("id,submitted,finished,status\n" + "".join(rows))
    source = FileSource(log, "csv", "ci", declare({}))
    (previewed,) = preview_file(source, NOW).warnings
    (warning,) = ingest_file(store, source, NOW).warnings
    assert warning == previewed
    assert warning.message == "50 rows are 5 executions: is `id` unique?"
    assert ingest_file(store, source, NOW).warnings == (warning,)
    for command in (["rejects"], ["sources"], ["sources", "--json"]):
        assert "50 rows are 5 executions: is `id` unique?" in runlore(*command)


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_ignored_rows_and_ids_of_several_columns_are_the_same_in_each_format(
    suffix, dry, tmp_path
) -> None:
    path = tmp_path / f"runs.{suffix}"
    rows = [
        {"job": 1, "try": 3, "submitted": "2026-01-01T00:00:00Z", "status": "Skipped", "n": 1},
        {"job": 1, "try": 2, "submitted": "2026-01-01T00:00:00Z", "status": "ok", "n": 2},
    ]
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    options = ["--map", "id=job+try", "--status", "skipped=ignore", "--inputs", "*", "--json"]
    document = json.loads(dry(suffix, path, *options).out)
    assert (document["accepted"], sum(document["skipped"].values())) == (1, 1)
    assert (document["first"][0]["id"], document["first"][0]["inputs"]) == ("1/2", {"n": 2})
