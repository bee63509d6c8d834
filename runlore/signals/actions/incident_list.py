"""Which incidents there are."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from runlore.signals.queries import incidents
from runlore.signals.rules.anomalies.incident_text import describe_certainty, describe_incident
from runlore.store.engine import Store

MOST = 500


def read_incidents(
    store: Store, *, is_all: bool = False, limit: int = MOST, as_of: datetime | None = None
) -> list[Mapping[str, Any]]:
    """Open incidents with the series that moved, the newest first. is_all: resolved ones, too.

    as_of: those open at that instant, with the series that had moved by then.
    """
    with store.begin() as connection:
        found = incidents.read(connection, limit, is_all=is_all, as_of=as_of)
    return [
        asdict(incident)
        | {
            "what": describe_incident(incident.subject, incident.count, incident.series),
            "certainty": describe_certainty(incident.series),
        }
        for incident in found
    ]
