"""Exports of Airflow and of CI servers, and what is read out of them."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from runlore.ingest.actions.formats import START
from runlore.ingest.actions.opening import FileSource, open_log
from runlore.kernel.instants import to_us
from runlore.records.mapping import ColumnMapping

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@dataclass(frozen=True)
class Export:
    """What an export was read as. executions: by id; instants are hours:minutes:seconds."""

    executions: dict[str, dict[str, Any]]
    skipped: dict[str, int]
    reasons: list[str]
    rows: int


def read_export(
    folder: Path, tool: str, content: object, suffix: str = "", timezone: str = "UTC"
) -> Export:
    """Read text as it is, and other content as JSON."""
    text = content if isinstance(content, str) else json.dumps(content)
    path = folder / f"export{suffix or ('.csv' if isinstance(content, str) else '.json')}"
    path.write_text(text)
    source = FileSource(path, tool, tool, ColumnMapping(timezone=timezone))
    pieces = list(open_log(source, to_us(NOW)).pieces(START))
    skipped = Counter()
    for piece in pieces:
        skipped.update(piece.parsed.skipped)
    records = pa.concat_tables([piece.parsed.records for piece in pieces])
    reasons = [row["reason"] for piece in pieces for row in piece.parsed.rejects.to_pylist()]
    rows = [_readable(row) for row in records.to_pylist()]
    return Export({row["id"]: row for row in rows}, dict(skipped), reasons, len(rows))


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    times = {name: _clock(row[name]) for name in ("submitted", "started", "finished", "known_at")}
    objects = {name: json.loads(row[name]) for name in ("inputs", "outcome")}
    names = {name: row[name] for name in ("actor", "kind", "scope", "status")}
    return {"id": row["source_id"], **names, **times, **objects}


def _clock(us: int | None) -> str | None:
    if us is None:
        return None
    at = datetime.fromtimestamp(us / 1e6, UTC)
    return f"{at:%H:%M:%S.%f}".rstrip("0").rstrip(".")
