"""Logs to ingest, of any size, in each format that `runlore ingest` reads from files.

A format joins the bench by an entry of EXPORTS; those of `tests.ingest.tool_logs` are all there.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from runlore.ingest.actions.databases import DatabaseSource
from runlore.ingest.actions.opening import FileSource, Format
from runlore.ingest.queries.foreign_database import RowQuery
from runlore.records.mapping import ColumnMapping, declare
from tests.ingest.tool_logs import TOOL_LOGS

Source = FileSource | DatabaseSource

COLUMNS = {
    "source_id": "build",
    "actor": "who",
    "kind": "job",
    "scope": "repo",
    "submitted": "queued_at",
    "started": "started_at",
    "finished": "ended_at",
    "status": "result",
}
MAPPING = declare(
    {
        "columns": COLUMNS,
        "inputs": ["branch", "files", "lines", "retry"],
        "outcome": ["cost", "memory_mb"],
    }
)


@dataclass(frozen=True)
class Export:
    """write: a log of so many executions into a file. source: how that file is ingested."""

    write: Callable[[Path, int], None]
    source: Callable[[Path], Source]
    suffix: str = ""


def builds(rows: int) -> pd.DataFrame:
    """A year of builds."""
    rng = np.random.default_rng(7)
    queued = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(
        np.sort(rng.integers(0, 365 * 86_400, rows)), unit="s"
    )
    started = queued + pd.to_timedelta(rng.integers(0, 600, rows), unit="s")
    ended = started + pd.to_timedelta(rng.integers(1, 9000, rows), unit="s")
    stamps = {"queued_at": queued, "started_at": started, "ended_at": ended}
    return pd.DataFrame(
        {
            "build": np.arange(rows),
            "who": np.char.add("user", rng.integers(0, 500, rows).astype(str)),
            "job": rng.choice(["build", "test", "deploy", "lint"], rows),
            "repo": np.char.add("team/repo-", rng.integers(0, 80, rows).astype(str)),
            **{name: at.strftime("%Y-%m-%dT%H:%M:%SZ") for name, at in stamps.items()},
            "result": rng.choice(["success", "failure", "canceled"], rows),
            "branch": np.char.add("feature/", rng.integers(0, 2000, rows).astype(str)),
            "files": rng.integers(1, 60, rows),
            "lines": rng.integers(1, 5000, rows),
            "retry": rng.choice(["true", "false"], rows),
            "cost": rng.gamma(2.0, 3.0, rows).round(3),
            "memory_mb": rng.integers(50, 16_000, rows),
        }
    )


def _swf(path: Path, rows: int) -> None:
    """A job a minute, in the 18 fields of the Standard Workload Format."""
    rng = np.random.default_rng(7)
    at = np.arange(rows)
    fields = [at + 1, at * 60, at % 90, rng.integers(1, 9000, rows), at % 64 + 1]
    fields += [np.full(rows, -1)] * 2 + [at % 64 + 1, np.full(rows, 9000), np.full(rows, -1)]
    fields += [(at % 7 > 0).astype(int), at % 300, at % 20, at % 50, at % 4, at % 3]
    fields += [np.full(rows, -1)] * 2
    begin = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
    with path.open("w", encoding="utf-8") as file:
        file.write(f"; UnixStartTime: {begin}\n")
        np.savetxt(file, np.column_stack(fields), fmt="%d")


def _sqlite(path: Path, rows: int) -> None:
    connection = sqlite3.connect(path)
    builds(rows).to_sql("builds", connection, index=False)
    connection.close()


def _file(kind: Format, mapping: ColumnMapping | None = None) -> Callable[[Path], Source]:
    return lambda path: FileSource(path, kind, "bench", mapping or ColumnMapping())


def _database(path: Path) -> Source:
    return DatabaseSource(f"sqlite:///{path}", RowQuery(None, "builds"), "bench", MAPPING)


def _tool(name: str) -> Export:
    log = TOOL_LOGS[name]
    return Export(
        lambda path, rows: path.write_text(log.make(rows)) and None,
        _file(log.format),  # type: ignore[arg-type]
        log.suffix,
    )


EXPORTS = {
    "csv": Export(
        lambda path, rows: builds(rows).to_csv(path, index=False), _file("csv", MAPPING), ".csv"
    ),
    "parquet": Export(
        lambda path, rows: builds(rows).to_parquet(path), _file("parquet", MAPPING), ".parquet"
    ),
    "jsonl": Export(
        lambda path, rows: builds(rows).to_json(path, orient="records", lines=True),
        _file("jsonl", MAPPING),
        ".jsonl",
    ),
    "sql": Export(_sqlite, _database, ".db"),
    "swf": Export(_swf, _file("swf"), ".swf"),
    **{name: _tool(name) for name in TOOL_LOGS},
}
