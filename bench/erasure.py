"""Erase one persona of a home that has trained and reported; search for its marks.

    PYTHONPATH=. python bench/erasure.py [--executions N]

The home is made by the commands of Runlore: a simulated log with one persona whose hashtag and
number nobody else has, a training, an opt-out, a report. The marks are searched by COPY of every
table of the database, and in every file of the home but those of PostgreSQL; archives are unpacked.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from runlore.privacy.actions.erasing_files import _parts, files_of

NAME, TAG, NUMBER = "quillfeather", "#zebrafinch77", "918273.6455"
MARKS = (NAME, TAG, NUMBER)


def run(home: Path, *words: str) -> str:
    """What a command prints; its exit code may tell of a refused model."""
    variables = os.environ | {"RUNLORE_HOME": str(home)}
    done = subprocess.run(
        (sys.executable, "-m", "runlore.cli", *words),
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    print(f"   runlore {' '.join(words)}: exit code {done.returncode}", flush=True)
    return done.stdout


def write_log(folder: Path, executions: int, home: Path) -> tuple[Path, Path]:
    """A simulated log in which one user is the persona, with two inputs more."""
    run(home, "simulate", str(folder), "--executions", str(executions), "--days", "60")
    log = folder / "simulated-executions.csv"
    rows = list(csv.reader(log.read_text().splitlines()))
    users = [row[1] for row in rows[1:] if len(row) > 1]
    chosen = max(set(users), key=users.count)
    with log.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*rows[0], "hashtags", "reach"])
        for row in rows[1:]:
            is_its = len(row) > 1 and row[1] == chosen
            user = [row[0], NAME, *row[2:]] if is_its else row
            writer.writerow([*user, *((TAG, NUMBER) if is_its else ("#common", "7"))])
    print(f"{users.count(chosen):,} of {len(users):,} lines are the persona's")
    mapping = folder / "simulated-mapping.json"
    told = json.loads(mapping.read_text())
    mapping.write_text(json.dumps(told | {"inputs": [*told["inputs"], "hashtags", "reach"]}))
    return log, mapping


def marks_of_database(home: Path) -> dict[str, int]:
    """Mark -> lines of a dump that have it."""
    script = (
        "from runlore.app import open_app\n"
        "import json, sys\n"
        "tables = '''SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n"
        " ON n.oid = c.relnamespace"
        " WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information)' '''\n"
        "counts = dict.fromkeys(sys.argv[1:], 0)\n"
        "with open_app() as app, app.store.connect() as connection:\n"
        "    for schema, table in connection.execute(tables).fetchall():\n"
        "        with connection.cursor() as cursor:\n"
        '            with cursor.copy(f\'COPY "{schema}"."{table}" TO STDOUT\') as lines:\n'
        "                for line in lines:\n"
        "                    for mark in counts:\n"
        "                        counts[mark] += mark.encode() in bytes(line)\n"
        "print(json.dumps(counts))\n"
    )
    variables = os.environ | {"RUNLORE_HOME": str(home)}
    command = (sys.executable, "-c", script, *MARKS)
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def marks_of_files(home: Path) -> list[str]:
    """Files with a mark, outside the files of PostgreSQL and the pages of Prefect."""
    skipped = ("postgres", "ui")
    marked = []
    for path in files_of(home):
        if path.relative_to(home).parts[0] in skipped or "/prefect/ui/" in str(path):
            continue
        if any(mark.encode() in part for part in _parts(path.read_bytes()) for mark in MARKS):
            marked.append(str(path.relative_to(home)))
    return marked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=1_500)
    given = parser.parse_args()
    home, folder = Path(tempfile.mkdtemp(prefix="rl-")), Path(tempfile.mkdtemp(prefix="rl-log-"))
    try:
        log, mapping = write_log(folder, given.executions, home)
        run(home, "ingest", "csv", str(log), "--mapping", str(mapping), "--source", "posts")
        run(home, "train", "failure-risk")
        run(home, "privacy", "opt-out", NAME)
        run(home, "report", "--json")
        print("before:", marks_of_database(home), marks_of_files(home))
        begin = time.perf_counter()
        told = run(home, "privacy", "erase", NAME, "--yes", "--json")
        took = time.perf_counter() - begin
        print(json.dumps(json.loads(told), indent=1))
        print("after:", marks_of_database(home), marks_of_files(home))
        print(f"erased in {took:.1f} s; load {os.getloadavg()[0]:.1f}")
        run(home, "audit")
    finally:
        run(home, "down")
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
