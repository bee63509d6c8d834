"""Files of comma-separated values hold nothing that a spreadsheet would run."""

import csv
from pathlib import Path

import pytest

from runlore.cli.serving import ledger as command
from runlore.experiments.queries.experiments import RecordedLook
from runlore.experiments.views.report import COLUMNS, _write_looks
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.kernel import instants
from runlore.log.executions import read_facts
from runlore.records.mapping import ColumnMapping
from runlore.records.spreadsheet import neutralise
from runlore.serving.actions.refusals import Refusal, refuse
from runlore.serving.queries import ledger_query
from runlore.serving.queries.ledger_query import LedgerQuery
from runlore.store.engine import Store

FORMULAS = [
    "=cmd|' /C calc'!A0",
    "+1+cmd",
    "-2+3+cmd",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "=1+1",
    "＝1+1",
    "'=1",
]
PLAIN = ["ann", "-5", "+1.5e-3", "a=b", "'quoted", "", "é", "2026-01-01"]


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_could_run_gets_one_apostrophe(text: str) -> None:
    assert neutralise(text) == f"'{text}"


@pytest.mark.parametrize("value", [*PLAIN, -5, -0.5, None, True])
def test_numbers_and_plain_text_stay_as_they_are(value: object) -> None:
    assert neutralise(value) == value


def test_an_exported_ledger_runs_nothing_and_parquet_stays_exact(
    store: Store, tmp_path: Path
) -> None:
    for text in FORMULAS:
        told = Refusal("duration", "7", 422, f"{text}: no such field", {"a": text}, "api", text)
        refuse(store, told, instants.now())
    command._to_csv(tmp_path / "l.csv", ledger_query.rows(store, LedgerQuery()))
    with (tmp_path / "l.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["source_id"] for row in rows) == sorted(f"'{text}" for text in FORMULAS)
    assert not [cell for row in rows for cell in row.values() if cell[:1] in tuple("=+-@\t\r\n")]
    command._to_parquet(tmp_path / "l.parquet", ledger_query.rows(store, LedgerQuery()))
    import pandas as pd

    assert sorted(pd.read_parquet(tmp_path / "l.parquet")["source_id"]) == sorted(FORMULAS)


def test_an_exported_file_that_is_ingested_keeps_its_apostrophes(
    store: Store, tmp_path: Path
) -> None:
    """Nothing takes them away again: in a log an apostrophe is a letter like any other."""
    file = tmp_path / "work.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        table = csv.writer(out)
        table.writerow(["id", "actor", "submitted", "status"])
        table.writerow([neutralise("=1+1"), "ann", "2026-01-01T00:00:00Z", "succeeded"])
    ingest_file(store, FileSource(file, "csv", "log", ColumnMapping()), instants.now())
    assert read_facts(store)["source_id"].tolist() == ["'=1+1"]


def test_the_looks_of_a_test_run_nothing(tmp_path: Path) -> None:
    numbers = dict.fromkeys(COLUMNS, -0.25)
    comparison = {**numbers, "metric": "@click", "variant": "=1+1", "units": [5, 5]}
    interval = {"low": -0.5, "high": None}
    analysis = {"ran_s": 1.0, "comparisons": [{**comparison, "interval": interval}]}
    look = RecordedLook(1, instants.now(), "ann", "undecided", None, False, analysis, {})
    _write_looks(tmp_path / "looks.csv", [look])
    with (tmp_path / "looks.csv").open(newline="", encoding="utf-8") as file:
        [row] = csv.DictReader(file)
    assert (row["variant"], row["metric"]) == ("'=1+1", "'@click")
    assert (row["difference"], row["low"]) == ("-0.25", "-0.5")
