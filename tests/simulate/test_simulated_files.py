import json
from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from runlore.cli.simulate import write_simulated_log
from runlore.records.execution import ExecutionFact, ExecutionStatus
from runlore.simulate import Scenario, mapping, simulate, write, write_csv

SMALL = Scenario(executions=1000, days=30)


@pytest.fixture(scope="module")
def runlore() -> typer.Typer:
    app = typer.Typer()
    app.command()(write_simulated_log)
    return app


def test_the_file_holds_the_records_with_the_dirt_at_the_lines_that_the_truth_names(tmp_path):
    log = simulate(SMALL)
    files = write(log, tmp_path / "new" / "folder")
    lines = files.executions.read_text(encoding="utf-8").splitlines()
    truth = json.loads(files.truth.read_text(encoding="utf-8"))
    dirty = {spoilt["line"]: spoilt["reason"] for spoilt in truth["dirty_lines"]}
    assert len(dirty) == 50
    assert len(lines) == 1 + len(log.records) + 50 == truth["counts"]["lines"]
    assert all(lines[line - 1].startswith("sim-bad-") for line in dirty)
    clean = [line for number, line in enumerate(lines, start=1) if number not in dirty]
    assert clean == log.records.to_csv(index=False, lineterminator="\n").splitlines()


def test_the_header_stays_first_and_line_numbers_right_when_nearly_all_lines_are_dirty(tmp_path):
    log = simulate(Scenario(executions=1, days=2, dirty_rows=60))
    lines = write_csv(log, tmp_path).read_text(encoding="utf-8").splitlines()
    assert lines[0] == ",".join(log.records.columns)
    assert all(
        lines[line - 1] == text
        for line, text in zip(log.dirt["line"], log.dirt["text"], strict=True)
    )
    assert len(lines) == 61 + len(log.records)


def test_each_dirty_line_is_wrong_in_the_way_it_says(tmp_path):
    log = simulate(SMALL)
    lines = write_csv(log, tmp_path).read_text(encoding="utf-8").splitlines()
    header = lines[0].split(",")
    seen = set()
    for line, reason in zip(log.dirt["line"], log.dirt["reason"], strict=True):
        cells = dict(zip(header, lines[line - 1].split(","), strict=False))
        seen.add(reason)
        assert {
            "bad timestamp": pd.isna(pd.to_datetime(cells["submitted_at"], errors="coerce")),
            "negative duration": cells.get("finished_at", "") < cells["started_at"],
            "unknown status": cells.get("result") not in mapping()["status"],
            "missing timestamp": not cells["submitted_at"],
            "too few columns": len(cells) < len(header),
        }[reason], (line, reason)
    assert len(seen) == 5


def test_the_mapping_names_columns_of_the_file_fields_of_a_fact_and_known_statuses(tmp_path):
    header = pd.read_csv(write_csv(simulate(SMALL), tmp_path), nrows=0).columns
    told = mapping()
    assert told["source"] == "simulated"
    assert {*told["columns"].values(), *told["inputs"], *told["outcome"]} == set(header)
    assert set(told["columns"]) <= set(ExecutionFact.__dataclass_fields__)
    assert set(told["status"].values()) <= set(ExecutionStatus)


def test_all_that_is_written_says_simulated(tmp_path):
    log = simulate(SMALL)
    files = write(log, tmp_path)
    assert all(path.name.startswith("simulated-") for path in tmp_path.iterdir())
    assert log.records["id"].str.startswith("sim-").all()
    assert json.loads(files.truth.read_text())["label"] == "simulated, no real data"
    assert json.loads(files.mapping.read_text()) == mapping()


def test_metrics_are_an_hourly_load_of_every_host(tmp_path):
    metrics = pd.read_csv(write(simulate(SMALL), tmp_path).metrics, parse_dates=["at"])
    assert list(metrics.columns) == ["name", "scope", "at", "value"]
    assert metrics.groupby("scope").size().tolist() == [30 * 24] * 6
    assert (metrics.groupby("scope")["at"].diff().dropna() == pd.Timedelta(hours=1)).all()
    assert (metrics["value"] > 0).all()


def test_the_command_writes_the_same_files_as_the_library(runlore, tmp_path):
    asked = ["--executions", "1000", "--days", "30", "--seed", "7", "--json"]
    answer = CliRunner().invoke(runlore, [str(tmp_path / "command"), *asked])
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.output)
    assert told["label"] == "simulated, no real data"
    assert told["counts"]["executions"] == 1000
    mine = write(simulate(SMALL), tmp_path / "library")
    for name, path in told["files"].items():
        assert Path(path).read_bytes() == getattr(mine, name).read_bytes()


def test_the_command_tells_a_person_what_it_wrote_and_that_it_is_simulated(runlore, tmp_path):
    asked = ["--executions", "50", "--days", "2", "--end", "2025-03-01T00:00:00Z"]
    answer = CliRunner().invoke(runlore, [str(tmp_path), *asked])
    assert answer.exit_code == 0, answer.output
    assert "no real data" in answer.output
    for row in ("executions file", "executions  ", "dirty lines"):
        assert row in answer.output
    assert "2025-03-01" in (tmp_path / "simulated-truth.json").read_text()
