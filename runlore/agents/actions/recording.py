"""Attempts at tasks become executions, so that all of Runlore learns from them.

The agent is the actor, the type of task the kind. An attempt begins with its lease.
"""

from datetime import datetime

from runlore.agents.queries.attempts import ATTEMPTS, EVENT
from runlore.ingest.actions.databases import DatabaseSource, ingest_database
from runlore.ingest.actions.files import IngestSummary
from runlore.ingest.queries.foreign_database import RowQuery
from runlore.records.mapping import ColumnMapping
from runlore.store.engine import Store

SOURCE = "agents"
INPUTS = ("priority", "attempt", "input_characters", "has_deadline", "is_part")
OVERLAP_EVENTS = 10_000.0  # events with lower numbers may be committed later


def record_attempts(store: Store, at: datetime) -> IngestSummary:
    """Add the attempts that ended since the last time; repeating it changes nothing.

    at: now. Probes are no attempts. Raises as an ingest does.
    """
    mapping = ColumnMapping(
        columns={"source_id": "attempt_id"}, inputs={name: name for name in INPUTS}
    )
    source = DatabaseSource(
        store.url, RowQuery(ATTEMPTS, None, EVENT), SOURCE, mapping, overlap=OVERLAP_EVENTS
    )
    return ingest_database(store, source, at)
