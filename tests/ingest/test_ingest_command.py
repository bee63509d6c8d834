"""`runlore ingest` at a terminal."""

import json

import pytest

from runlore.log.executions import read_facts
from tests.ingest.csv_log import HEADER, row

OPTIONS = [
    *("--source", "log", "--map", "actor=user", "--map", "submitted=queued_at"),
    *("--map", "finished=ended_at", "--map", "status=how", "--const", "kind=build"),
    *("--inputs", "branch", "--outcome", "price=cost"),
]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "builds.csv"
    path.write_text(HEADER + "".join(row(n) for n in range(9)) + "bad\n")
    return path


def test_a_csv_file_is_brought_in_and_summed_up(runlore, path, store):
    told = runlore("csv", path, *OPTIONS)
    assert "9 new, 0 already known, 1 rejected" in told
    assert "1  from line 11 on: has … fields, not …" in told
    assert "fix: put quotes around fields that hold the separator" in told
    fact = read_facts(store).iloc[1]
    assert (fact["kind"], fact["inputs"], fact["outcome"]) == (
        "build",
        '{"branch": "b1"}',
        '{"price": 1.5}',
    )
    again = json.loads(runlore("csv", path, *OPTIONS, "--json"))
    assert (again["new"], again["known"], again["rejected"]) == (0, 9, 1)
    (group,) = json.loads(runlore("rejects", "--json"))["groups"]
    assert (group["line"], group["rows"], group["reason"]) == (11, 1, "has 1 fields, not 7")
    (refused,) = json.loads(runlore("rejects", "--all", "--json"))["rejects"]
    assert (refused["line"], refused["reason"], refused["raw"]) == (
        11,
        "has 1 fields, not 7",
        "bad",
    )
    assert "has … fields" in runlore("rejects")
    assert "has 1 fields" in runlore("rejects", "--limit", 5)


@pytest.mark.parametrize("suffix", ["toml", "yaml", "json"])
def test_a_mapping_may_stand_in_a_file_and_the_command_line_wins(
    runlore, path, store, tmp_path, suffix
):
    document = {
        "source": "builds",
        "columns": {"actor": "user", "submitted": "queued_at", "status": "how"},
        "inputs": ["branch"],
    }
    file = tmp_path / f"mapping.{suffix}"
    file.write_text(_as_toml(document) if suffix == "toml" else json.dumps(document))
    runlore("csv", path, "--mapping", file, "--inputs", "cost", "--map", "scope=branch")
    fact = read_facts(store).iloc[1]
    assert (fact["source"], fact["scope"], fact["inputs"]) == ("builds", "b1", '{"cost": 1.5}')


def _as_toml(document):
    columns = "\n".join(f'{key} = "{value}"' for key, value in document["columns"].items())
    return f'source = "builds"\ninputs = ["branch"]\n[columns]\n{columns}\n'


def test_metrics_are_brought_in_with_their_own_option(runlore, tmp_path, store):
    path = tmp_path / "load.csv"
    path.write_text("timestamp,value\n2024-01-01 00:00,0.5\n2024-01-01 00:05,0.7\n")
    options = ["--metrics", "--map", "at=timestamp", "--const", "name=cpu"]
    assert "2 new" in runlore("csv", path, *options)
    path.write_text("timestamp,value\n2024-01-01 00:00,0.5\n2024-01-01 00:05,0.9\n")
    assert "1 new, 1 already known" in runlore("csv", path, *options)
    with store.connect() as connection:
        points = connection.execute(
            "SELECT source, name, value, revision FROM runlore.metrics ORDER BY at, revision"
        ).fetchall()
    assert points == [
        ("load", "cpu", 0.5, 0),
        ("load", "cpu", 0.7, 0),
        ("load", "cpu", 0.9, 1),
    ]


def test_an_swf_log_needs_no_mapping(runlore, tmp_path, store):
    path = tmp_path / "cluster.swf"
    path.write_text("1 100 20 300 8 12.5 64 16 600 128 1 7 2 3 4 5 -1 -1\n")
    assert "has no UnixStartTime" in runlore("swf", path, code=1)
    assert "1 new" in runlore("swf", path, "--start", "2001-09-09T01:46:40Z")
    assert read_facts(store)["source"].tolist() == ["cluster"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--map", "actor"], "columns: 'actor' is not NAME=VALUE"),
        (["--map", "who=user"], "unknown field 'who'; fields of executions: id"),
        ([], "submitted: no column is mapped to it; say --map submitted=COLUMN"),
        (["--mapping", "missing.toml"], "mapping missing.toml: "),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_1(runlore, path, arguments, message):
    told = runlore("csv", path, *arguments, code=1)
    assert message in told
    assert told.count("\n") == 1


def test_the_setting_bounds_how_often_a_log_adds_to_an_execution(runlore, path, store, monkeypatch):
    monkeypatch.setenv("RUNLORE_MAX_REVISIONS", "2")
    path.write_text(HEADER + "".join(row(1, cost=str(n)) for n in range(100, 106)))
    assert "3 new, 0 already known, 3 rejected" in runlore("csv", path, *OPTIONS)
    assert "RUNLORE_MAX_REVISIONS" in runlore("rejects", "--json")
