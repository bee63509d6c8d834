"""A CSV log to bring in, and what became of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runlore.ingest.actions.files import IngestSummary, ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.ingest.actions.reject_list import list_rejects
from runlore.log.executions import read_facts
from runlore.records.mapping import declare
from runlore.store.engine import Store

NOW = datetime(2025, 6, 1, tzinfo=UTC)
MAPPING = {
    "columns": {"actor": "user", "submitted": "queued_at", "finished": "ended_at", "status": "how"},
    "constants": {"kind": "build"},
    "inputs": ["branch"],
    "outcome": ["cost"],
}
HEADER = "id,user,queued_at,ended_at,how,branch,cost\n"


def row(number: int, **changes: str) -> str:
    """A line of a CSV log, one execution a minute."""
    day, minute = divmod(number, 1440)
    at = f"2024-{1 + day // 28:02d}-{1 + day % 28:02d}T{minute // 60:02d}:{minute % 60:02d}"
    fields = {
        "id": str(number),
        "user": f"user{number % 7}",
        "queued_at": f"{at}:00Z",
        "ended_at": f"{at}:30Z",
        "how": "ok" if number % 3 else "failed",
        "branch": f"b{number % 5}",
        "cost": f"{number % 11}.5",
    }
    return ",".join((fields | changes).values()) + "\n"


@dataclass
class Log:
    """A CSV log that can be written, changed and ingested."""

    store: Store
    path: Path
    lines: list[str]

    def write(self) -> None:
        self.path.write_text("".join(self.lines))

    def ingest(self, *, at: datetime = NOW, **options) -> IngestSummary:
        self.write()
        mapping = declare(options.pop("mapping", MAPPING))
        source = FileSource(self.path, "csv", options.pop("source", "log"), mapping, **options)
        return ingest_file(self.store, source, at)

    def facts(self):
        return read_facts(self.store)

    def rejects(self):
        return list_rejects(self.store, 1000)


def counts(summary: IngestSummary) -> tuple[int, int, int]:
    return summary.new, summary.known, summary.rejected
