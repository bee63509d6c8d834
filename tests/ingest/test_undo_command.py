"""`runlore ingest sources` and `runlore ingest undo` at a terminal."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from runlore.registry import Registry
from runlore.registry.trainings import VersionTraining
from tests.ingest.csv_log import HEADER, row

SPECS = [
    "runlore.specs.catalog.failure_risk:SPEC",
    "runlore.specs.catalog.duration:SPEC",
]
OPTIONS = [
    *("--map", "actor=user", "--map", "submitted=queued_at"),
    *("--map", "finished=ended_at", "--map", "status=how", "--const", "kind=build"),
]


@pytest.fixture
def two_files(runlore, tmp_path):
    for name, numbers in (("good", range(20)), ("bad", range(20, 50))):
        path = tmp_path / f"{name}.csv"
        path.write_text(HEADER + "".join(row(number) for number in numbers))
        printed = runlore("csv", path, *OPTIONS, "--source", "builds")
        assert "runlore ingest undo" in printed


@pytest.mark.usefixtures("two_files")
def test_sources_show_the_numbers_that_undo_takes(runlore):
    [source] = json.loads(runlore("sources", "--json"))["sources"]
    assert (source["source"], source["rows"], source["facts"]) == ("builds", 50, 50)
    assert [ingest["facts"] for ingest in source["ingests"]] == [30, 20]
    shown = runlore("sources")
    assert "builds" in shown
    assert "bad.csv" in shown


@pytest.mark.usefixtures("two_files")
def test_undo_says_what_it_withdrew_and_that_it_was_done_before(runlore, store):
    [source] = json.loads(runlore("sources", "--json"))["sources"]
    number = source["ingests"][0]["ingest"]
    shown = runlore("undo", number, "--because", "local times")
    assert f"ingest {number} of source builds: 30 facts about executions withdrawn" in shown
    assert "nothing has changed" in runlore("undo", number)
    undone = json.loads(runlore("undo", number, "--json"))
    assert (undone["is_new"], undone["withdrawal"]["reason"]) == (False, "local times")
    [source] = json.loads(runlore("sources", "--json"))["sources"]
    assert source["rows"] == 20
    assert source["ingests"][0]["because"] == "local times"
    assert "undone" in runlore("sources")
    with store.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM runlore.withdrawn_executions")) == 30


@pytest.mark.usefixtures("two_files")
def test_on_a_terminal_undo_asks_first(runlore, store, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", refuse)
    runlore("undo", "builds", code=1)
    assert json.loads(runlore("sources", "--json"))["sources"][0]["rows"] == 50
    assert "50 facts" in runlore("undo", "builds", "--yes")


def refuse(question, *, abort, err):
    assert (abort, err) == (True, True)
    raise SystemExit(1)


@pytest.mark.usefixtures("two_files")
def test_a_name_that_is_a_number_too_has_to_be_told_apart(runlore, tmp_path):
    [source] = json.loads(runlore("sources", "--json"))["sources"]
    number = source["ingests"][0]["ingest"]
    path = tmp_path / "more.csv"
    path.write_text(HEADER + "".join(row(number) for number in range(60, 65)))
    runlore("csv", path, *OPTIONS, "--source", str(number))
    assert f"source:{number}" in runlore("undo", number, code=1)
    assert "5 facts" in runlore("undo", f"source:{number}")


@pytest.mark.usefixtures("two_files")
def test_versions_that_learned_from_it_are_named_and_a_champion_is_warned_about(
    runlore, run_ingest, monkeypatch
):
    known = {
        "failure-risk": (training("failure-risk", "3", ("champion",), 10_000),),
        "duration": (training("duration", "2", (), 10_000), training("duration", "1", (), 0)),
    }
    monkeypatch.setattr(Registry, "trainings", lambda _, spec: known[spec])
    monkeypatch.setenv("RUNLORE_SPECS", json.dumps(SPECS))
    printed = run_ingest("undo", "builds")
    assert "failure-risk version 3 @champion was trained on it" in printed.out
    assert "duration version 2 was trained on it" in printed.out
    assert "duration version 1" not in printed.out
    assert "runlore train failure-risk" in printed.err
    undone = json.loads(runlore("undo", "builds", "--json"))
    assert undone["champions"] == ["failure-risk"]


def training(spec, version, aliases, until_seq):
    return VersionTraining(spec, version, aliases, until_seq, datetime(2020, 1, 1, tzinfo=UTC))
