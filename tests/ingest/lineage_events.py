"""OpenLineage events to bring in, as producers write them, and what becomes of them."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from runlore.ingest.actions.files import IngestSummary, ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.log.executions import read_facts
from runlore.store.engine import Store

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BEGIN = datetime(2026, 5, 1, 12, tzinfo=UTC)
RUN = "01890a5d-ac96-774b-bcce-b302099a8057"
PRODUCER = "https://example.org/producer"


def at(seconds: float) -> str:
    return (BEGIN + timedelta(seconds=seconds)).isoformat()


def facet(**fields: Any) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": f"{PRODUCER}/facet.json", **fields}


def event(kind: str | None, seconds: float, run: str = RUN, **parts: Any) -> dict[str, Any]:
    """An event of a run, so many seconds after BEGIN. parts: job, namespace, facets, …"""
    job_facets = parts.pop("job_facets", {})
    made = {
        "eventType": kind,
        "eventTime": parts.pop("time", at(seconds)),
        "run": {"runId": run, "facets": parts.pop("facets", {})},
        "job": {
            "namespace": parts.pop("namespace", "etl"),
            "name": parts.pop("job", "orders.load"),
            "facets": job_facets,
        },
        "inputs": [],
        "outputs": [],
        "producer": PRODUCER,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }
    return made | parts


@dataclass
class EventLog:
    """A file of events that can be written, extended and ingested."""

    store: Store
    path: Path

    def write(self, *events: Any) -> None:
        self.path.write_text("".join(f"{json.dumps(row)}\n" for row in events))

    def append(self, *events: Any) -> None:
        with self.path.open("a") as file:
            file.writelines(f"{json.dumps(row)}\n" for row in events)

    def ingest(self, *events: Any, **options: Any) -> IngestSummary:
        if events:
            self.write(*events)
        source = FileSource(self.path, "openlineage", "openlineage", **options)
        return ingest_file(self.store, source, NOW)

    def facts(self) -> pd.DataFrame:
        return read_facts(self.store)

    def latest(self) -> list[dict[str, Any]]:
        """What is known of each execution last, with seconds since BEGIN."""
        facts = self.facts().sort_values("revision")
        names = ["source_id", "kind", "submitted"]
        last = facts.groupby(names, sort=True, as_index=False).last()
        return [_shown(row) for row in last.to_dict("records")]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    begin = int(BEGIN.timestamp())
    instants = {
        name: None if row[name] < 0 else row[name] / 1e6 - begin
        for name in ("submitted", "started", "finished")
    }
    texts = {name: row[name] for name in ("source_id", "actor", "kind", "scope", "status")}
    return (
        texts
        | instants
        | {"inputs": json.loads(row["inputs"]), "outcome": json.loads(row["outcome"])}
    )
