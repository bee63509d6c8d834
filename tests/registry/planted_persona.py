"""Marks of a persona in every table, in MLflow and in every folder of the home."""

import gzip
import re
import uuid
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import ARRAY, CheckConstraint, Column, Computed, Table, text
from sqlalchemy import types as kinds
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection

from runlore.kernel import instants
from runlore.privacy.rules.holdings import HOLDINGS, SYSTEM_COLUMNS, SYSTEM_PARTS
from runlore.records.execution import ExecutionStatus
from runlore.serving.actions import recording
from runlore.serving.actions.recording import OutcomeReport, Submission
from runlore.store.engine import Store
from runlore.store.partitions import ensure_months
from runlore.store.schema import metadata

NAME, TAG, NUMBER, ID = "quillfeather", "#zebrafinch77", 918273.6455, "post-77121-q"
MARKS = (NAME, TAG, str(NUMBER), ID)
OTHER, NEAR = "ben", "quillfeather-2"  # the latter is another persona
SAID = f"{NAME} wrote {TAG} at {NUMBER}"
TOLD = {"who": NAME, NAME: [TAG, SAID], "n": NUMBER, "near": NEAR}
ALLOWED = {"subject_type": "actor", "dimension": "actor"}
ONE_OF = re.compile(r"(\w+) IN \('([^']+)'")  # of a check: a column, and the first word it takes
# Tables whose rows hang on other rows, or whose values would no longer be the persona's alone.
ALONE = {
    *("dismissal_undos", "incident_series", "advice_scores", "advice_decisions"),
    *("ledger", "withdrawn_executions"),
}
CHAINED = "alias_changes"  # planted by its own writer, which keeps the chain


def plant_facts(store: Store) -> None:
    """Posts of the persona and of others; what only it has stands in its inputs."""
    at = instants.now()
    for number, actor in enumerate((NAME, NAME, OTHER, OTHER, NEAR)):
        inputs: dict[str, Any] = {"hashtags": "#common", "hashtag_count": number}
        if actor == OTHER:
            inputs["about"] = f"with {NAME}"
        if actor == NAME:
            inputs |= {"hashtags": TAG, "follower_count": NUMBER}
        execution = ID if number == 0 else f"post-{number}"
        told = Submission(actor, "image", "instagram", inputs, source_id=execution, submitted=at)
        recording.record_submission(store, told)
        end = OutcomeReport(ExecutionStatus.SUCCEEDED, at, at, {"views": 7.0})
        recording.record_outcome(store, recording.SOURCE, execution, end)


def plant_tables(connection: Connection) -> set[str]:
    """A row with marks in every column that could hold one; returns the tables."""
    raw: Any = connection.connection.driver_connection
    now = instants.now()
    for table in ("executions", "metrics", "ledger"):
        ensure_months(raw, table, now, now)
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    planted = set()
    for table in metadata.tables.values():
        if not HOLDINGS[table.name].none and table.name not in (CHAINED, "executions", "erasures"):
            _plant(connection, table, is_its=True)
            if HOLDINGS[table.name].rows and table.name not in ALONE:
                _plant(connection, table, is_its=False)
            planted.add(table.name)
    connection.execute(text("SET LOCAL session_replication_role = origin"))
    return planted


def _plant(connection: Connection, table: Table, *, is_its: bool) -> None:
    values = {column.name: _value(table, column, is_its=is_its) for column in table.c}
    connection.execute(
        table.insert().values({name: one for name, one in values.items() if one is not ...})
    )


def _value(table: Table, column: "Column[Any]", *, is_its: bool) -> Any:  # noqa: PLR0911
    if (
        column.identity is not None
        or column.computed is not None
        or isinstance(column.server_default, Computed)
    ):
        return ...
    held, name, kind = HOLDINGS[table.name], column.name, column.type
    is_marked = name in (*held.mentions, *held.drops) or (is_its and f"{name} =" in held.rows)
    if isinstance(kind, JSONB):
        return TOLD | {"actor": NAME if is_its else OTHER} if is_marked or name == "request" else {}
    if isinstance(kind, ARRAY):
        if isinstance(kind.item_type, kinds.Text):
            return [SAID] if is_marked else []
        return [1]
    if isinstance(kind, kinds.Text):
        plain = (_checked(table) | ALLOWED).get(name, "x" if is_its else "y")
        is_name = name in SYSTEM_COLUMNS or (table.name, name) in SYSTEM_PARTS
        if is_its and f"{name} = %(name)s" in held.rows:
            return NAME
        return plain if is_name or not is_marked else SAID
    return _plain(kind, is_its=is_its)


def _checked(table: Table) -> dict[str, str]:
    checks = (one.sqltext for one in table.constraints if isinstance(one, CheckConstraint))
    return {match[1]: match[2] for check in checks for match in ONE_OF.finditer(str(check))}


def _plain(kind: object, *, is_its: bool) -> Any:
    if isinstance(kind, kinds.Uuid):
        return uuid.uuid4()
    if isinstance(kind, kinds.DateTime):
        return instants.now()
    if isinstance(kind, kinds.Date):
        return date(2026, 11, 2)
    if isinstance(kind, kinds.Boolean):
        return True
    if isinstance(kind, kinds.LargeBinary):
        return b"x"
    return 1 if is_its else 2


def plant_files(home: Path) -> None:
    """Texts, archives and tables, one of which has the mark in its name alone."""
    for folder in ("logs", "reports", "serving/s/1-ab", "bentoml/bentos/s/1", "demo", "run"):
        (home / folder).mkdir(parents=True, exist_ok=True)
        (home / folder / "innocent.json").write_text(f'{{"actor": "{NEAR}"}}')
    (home / "logs" / "serve.log").write_text(f"first line\nGET /actors/{NAME} 200\nlast line\n")
    (home / "logs" / "serve.log.1.gz.txt").write_text(f"inputs {TAG}\n")
    (home / "reports" / f"{NAME}.html").write_text("<p>nothing</p>")
    (home / "reports" / "drift.html.gz").write_bytes(gzip.compress(SAID.encode()))
    pq.write_table(pa.table({"hashtags": [TAG]}), home / "serving" / "s" / "1-ab" / "r.parquet")
    with zipfile.ZipFile(home / "bentoml" / "bentos" / "s" / "1" / "m.skops", "w") as archive:
        archive.writestr("schema.json", f'["{NAME}"]', zipfile.ZIP_DEFLATED)
    (home / "demo" / "log.csv").write_text(f"id,actor\n1,{NAME}\n")
