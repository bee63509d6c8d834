"""Champions that the service could not load when it last tried: open alerts of one kind."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from runlore.alerts.queries import anomalies
from runlore.alerts.rules.finding import spec_of

KIND = "broken-version"


def read_broken(connection: Connection) -> Mapping[str, Mapping[str, Any]]:
    """Spec -> the evidence of its broken champion."""
    return {
        spec_of(anomaly.subject): anomaly.evidence
        for anomaly in anomalies.read_open(connection, KIND)
    }
