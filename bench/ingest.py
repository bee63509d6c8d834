"""The whole ingest of a file beside a bare psycopg COPY of the very same rows.

    python bench/ingest.py
    python bench/ingest.py --rows 1000000
    python bench/ingest.py --swf LOG.swf.gz

Ours reads the file, parses and checks every row, recognises repeats, keeps rejects and its place,
and commits chunk by chunk. The bare COPY has the rows ready in memory, in PostgreSQL's own text
format, and puts them into an equal table in one transaction: with the same primary key and nothing
else, and with the same partitions and index too. The ratio is that of the first, the faster one.
Both go to an embedded server of their own, turn by turn; each figure is the best of its turns.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg
from sqlalchemy import text

from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.kernel.instants import now
from runlore.records.mapping import declare
from runlore.settings import Settings
from runlore.store.engine import Store, open_store

COLUMNS = (
    "source, source_id, actor, kind, scope, inputs, submitted, started, finished, status, outcome,"
    " submission_known_at, known_at, digest"
)
MAPPING = {
    "columns": {
        "source_id": "build",
        "actor": "who",
        "kind": "job",
        "scope": "repo",
        "submitted": "queued_at",
        "started": "started_at",
        "finished": "ended_at",
        "status": "result",
    },
    "inputs": ["branch", "files", "lines", "retry"],
    "outcome": ["cost", "memory_mb"],
}


def write_log(path: Path, rows: int) -> FileSource:
    """A plausible CSV log: a year of builds."""
    rng = np.random.default_rng(7)
    queued = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(
        np.sort(rng.integers(0, 365 * 86_400, rows)), unit="s"
    )
    started = queued + pd.to_timedelta(rng.integers(0, 600, rows), unit="s")
    frame = pd.DataFrame(
        {
            "build": np.arange(rows),
            "who": np.char.add("user", rng.integers(0, 500, rows).astype(str)),
            "job": rng.choice(["build", "test", "deploy", "lint"], rows),
            "repo": np.char.add("team/repo-", rng.integers(0, 80, rows).astype(str)),
            "queued_at": queued.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "started_at": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "ended_at": (started + pd.to_timedelta(rng.integers(1, 9000, rows), unit="s")).strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            ),
            "result": rng.choice(["success", "failure", "canceled"], rows),
            "branch": np.char.add("feature/", rng.integers(0, 2000, rows).astype(str)),
            "files": rng.integers(1, 60, rows),
            "lines": rng.integers(1, 5000, rows),
            "retry": rng.choice(["true", "false"], rows),
            "cost": rng.gamma(2.0, 3.0, rows).round(3),
            "memory_mb": rng.integers(50, 16_000, rows),
        }
    )
    frame.to_csv(path, index=False)
    return FileSource(path, "csv", "bench", declare(MAPPING))


def ours(store: Store, source: FileSource) -> float:
    with store.begin() as connection:
        connection.execute(text("TRUNCATE runlore.executions, runlore.ingests, runlore.rejects"))
    began = time.perf_counter()
    summary = ingest_file(store, source, now())
    taken = time.perf_counter() - began
    if summary.known or summary.rejected:
        raise SystemExit(f"not all rows were new: {summary}")
    return taken


def ready_rows(store: Store) -> bytes:
    """All rows as COPY takes them."""
    with store.connect() as connection, connection.cursor() as cursor:
        query = f"COPY (SELECT {COLUMNS} FROM runlore.executions ORDER BY seq) TO STDOUT"
        with cursor.copy(query) as copy:
            return b"".join(copy)


def bare(connection: psycopg.Connection, table: str, rows: bytes) -> float:
    connection.execute(f"TRUNCATE {table}")
    connection.commit()
    began = time.perf_counter()
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({COLUMNS}) FROM STDIN") as copy:
        copy.write(rows)
    connection.commit()
    return time.perf_counter() - began


@contextmanager
def equal_tables(store: Store) -> Iterator[psycopg.Connection]:
    """bench.plain has columns and primary key alone; bench.parted partitions and index too."""
    like = "(LIKE runlore.executions INCLUDING DEFAULTS INCLUDING GENERATED"
    key = "PRIMARY KEY (source, source_id, submitted, revision)"
    with psycopg.connect(store.url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE SCHEMA bench")
        connection.execute(f"CREATE TABLE bench.plain {like}, {key})")
        connection.execute(
            f"CREATE TABLE bench.parted {like}, {key}) PARTITION BY RANGE (submitted)"
        )
        connection.execute("CREATE INDEX ON bench.parted (seq)")
        months = connection.execute(
            "SELECT relname, pg_get_expr(relpartbound, pg_class.oid) FROM pg_inherits"
            " JOIN pg_class ON pg_class.oid = inhrelid"
            " WHERE inhparent = 'runlore.executions'::regclass"
        ).fetchall()
        for name, bound in months:
            connection.execute(f"CREATE TABLE bench.{name} PARTITION OF bench.parted {bound}")
        connection.commit()
        yield connection


def compare(home: Path, rows: int, swf: Path | None, rounds: int) -> dict[str, object]:
    source = FileSource(swf, "swf", "bench") if swf else write_log(home / "log.csv", rows)
    with open_store(Settings(home=home, database_url=None)) as store:
        ours(store, source)
        ready = ready_rows(store)
        taken: dict[str, list[float]] = {"ours": [], "plain": [], "parted": []}
        with equal_tables(store) as connection:
            for _ in range(rounds):
                taken["plain"].append(bare(connection, "bench.plain", ready))
                taken["ours"].append(ours(store, source))
                taken["parted"].append(bare(connection, "bench.parted", ready))
    best = {name: round(min(each), 3) for name, each in taken.items()}
    return {
        "bench": "ingest",
        "ours": best["ours"],
        "theirs": {
            "bare COPY, same primary key": best["plain"],
            "bare COPY, same partitions and index": best["parted"],
        },
        "ratio": round(best["plain"] / best["ours"], 3),
        "unit": "s",
        "rows": ready.count(b"\n"),
        "rounds": {name: [round(s, 3) for s in each] for name, each in taken.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=250_000)
    parser.add_argument("--swf", type=Path, help="a log of the Parallel Workloads Archive instead")
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rl-") as home:
        print(json.dumps(compare(Path(home), told.rows, told.swf, told.rounds)), flush=True)


if __name__ == "__main__":
    main()
