"""The whole ingest of each format beside a bare psycopg COPY of the very same rows.

    make bench BENCH=ingest            # every format
    make bench BENCH=ingest.slurm      # one
    python bench/ingest.py csv swf --rows 1000000

Ours reads the file, parses and checks every row, recognises repeats, keeps rejects and its place,
and commits chunk by chunk. The bare COPY has the rows ready in memory, in PostgreSQL's own text
format, and puts them into an equal table in one transaction: with the same primary key and nothing
else, and with the same partitions and index too. The ratio is that of the first, the faster one.
Both go to an embedded server of their own, turn by turn; each figure is the best of its turns.
`peak_mb` is the most memory that the process of the ingest had, without PostgreSQL; its imports
take `start_mb` of it.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import text

from runlore.ingest.actions.databases import DatabaseSource, ingest_database
from runlore.ingest.actions.files import ingest_file
from runlore.kernel.instants import now
from runlore.settings import Settings
from runlore.store.engine import Store, open_store

if TYPE_CHECKING:
    from worlds.exports import Source

COLUMNS = (
    "source, source_id, actor, kind, scope, inputs, submitted, started, finished, status, outcome,"
    " submission_known_at, known_at, digest, revision"
)
FORMATS = (
    *("csv", "parquet", "jsonl", "sql", "swf", "slurm", "nextflow", "snakemake"),
    *("airflow", "github", "gitlab", "jenkins", "openlineage"),
)


def ours(store: Store, source: "Source") -> float:
    with store.begin() as connection:
        tables = ("executions", "ingests", "rejects", "lineage_runs")
        listed = ", ".join(f"runlore.{table}" for table in tables)
        connection.execute(text(f"TRUNCATE {listed} CASCADE"))
    began = time.perf_counter()
    ingest = ingest_database if isinstance(source, DatabaseSource) else ingest_file
    summary = ingest(store, source, now())  # type: ignore[arg-type]
    taken = time.perf_counter() - began
    if summary.known or summary.rejected or not summary.new:
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


def compare(name: str, folder: Path, rounds: int) -> dict[str, object]:
    from worlds.exports import EXPORTS

    export = EXPORTS[name]
    source = export.source(folder / f"log{export.suffix}")
    with open_store(Settings(home=folder, database_url=None)) as store:
        start_mb = peak_mb()
        ours(store, source)
        most_mb = peak_mb()
        ready = ready_rows(store)
        taken: dict[str, list[float]] = {"ours": [], "plain": [], "parted": []}
        with equal_tables(store) as connection:
            for _ in range(rounds):
                taken["plain"].append(bare(connection, "bench.plain", ready))
                taken["ours"].append(ours(store, source))
                taken["parted"].append(bare(connection, "bench.parted", ready))
    rows = ready.count(b"\n")
    rates = {part: round(rows / min(seconds)) for part, seconds in taken.items()}
    return {
        "bench": f"ingest.{name}",
        "ours": rates["ours"],
        "theirs": {
            "bare COPY, same primary key": rates["plain"],
            "bare COPY, same partitions and index": rates["parted"],
        },
        "ratio": round(rates["ours"] / rates["plain"], 3),
        "unit": "executions/s",
        "rows": rows,
        "start_mb": start_mb,
        "peak_mb": most_mb,
    }


def peak_mb() -> int:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def write(name: str, folder: Path, rows: int) -> None:
    from worlds.exports import EXPORTS

    export = EXPORTS[name]
    export.write(folder / f"log{export.suffix}", rows)


def in_a_process(*arguments: object) -> str:
    """Run this file with these arguments where the tests' logs can be imported."""
    here = Path(__file__)
    environment = os.environ | {"PYTHONPATH": f"{here.parents[1]}{os.pathsep}{here.parent}"}
    command = [sys.executable, str(here), *map(str, arguments)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("formats", nargs="*", help=f"of {', '.join(FORMATS)}; all by default")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--step", choices=("write", "compare"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    names = [name.removeprefix("ingest.") for name in args.formats] or list(FORMATS)
    if args.step == "write":
        write(names[0], args.folder, args.rows)
    elif args.step == "compare":
        print(json.dumps(compare(names[0], args.folder, args.rounds)), flush=True)
    else:
        for name in names:
            with tempfile.TemporaryDirectory(prefix="rl-") as folder:
                in_a_process(name, "--rows", args.rows, "--step", "write", "--folder", folder)
                step = ("--rounds", args.rounds, "--step", "compare", "--folder", folder)
                print(in_a_process(name, *step), end="", flush=True)


if __name__ == "__main__":
    main()
