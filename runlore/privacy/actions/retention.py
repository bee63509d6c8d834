"""Personal data expire: after some days the executions of declared sources are deleted."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from runlore.ingest.actions.undo import WHILE_INGESTING
from runlore.privacy.queries.expired_data import (
    ExpiredData,
    count_expired,
    delete_expired,
    insert_expired,
)
from runlore.records.metric_points import EXECUTION_SOURCE
from runlore.serving.actions import states
from runlore.serving.queries import feature_states
from runlore.store import advisory
from runlore.store.engine import Store


def expire(
    store: Store, sources: Sequence[str], days: int, at: datetime, *, dry_run: bool = False
) -> tuple[ExpiredData, ...]:
    """Delete what was submitted more than `days` days before an instant, of these sources alone.

    Each source is one transaction, with a row that counts it; sources of which nothing expired are
    left out, so repeating it changes nothing. States of features are made anew.
    Raises Unavailable while an ingest runs.
    """
    before = at - timedelta(days=days)
    if dry_run:
        with store.connect() as connection:
            found = [
                _count(
                    source, days, at, count_expired(connection, source, before, EXECUTION_SOURCE)
                )
                for source in sources
            ]
        return tuple(one for one in found if one.rows)
    if not sources:
        return ()
    with advisory.exclusive(store.url, states.INGESTING, WHILE_INGESTING):
        found = [_expire(store, source, days, at) for source in sources]
        if any(one.executions for one in found):
            states.renew(store)
    return tuple(one for one in found if one.rows)


def _expire(store: Store, source: str, days: int, at: datetime) -> ExpiredData:
    before = at - timedelta(days=days)
    with store.connect() as connection:
        counts = delete_expired(connection, source, before, EXECUTION_SOURCE)
        expired = _count(source, days, at, counts)
        if expired.rows:
            insert_expired(connection, expired)
        if expired.executions:
            feature_states.lock_out_recorders(connection)
            feature_states.spoil(connection)
    return expired


def _count(source: str, days: int, at: datetime, counts: Sequence[int]) -> ExpiredData:
    return ExpiredData(at, source, days, at - timedelta(days=days), *counts)
