"""Keep the states of features: build them from the log, and start to keep those a model needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from runlore.features.declaration import FeaturePlan, HistoryFeatures
from runlore.features.log import Log
from runlore.features.matrix import fold_states, prepare
from runlore.log.executions import read_facts, read_later_facts
from runlore.serving.queries import feature_states, stale_states
from runlore.serving.queries.feature_states import Connection
from runlore.store import advisory
from runlore.store.engine import Store

INGESTING = "runlore.ingest"  # an advisory lock: its holders renew the states themselves
RENEWING = "runlore.renewal of states"  # one process at a time renews what was left behind


def renew_left_behind(store: Store) -> tuple[HistoryFeatures, ...]:
    """Renew what an ingest has left behind that ended too early, unless one is under way.

    Returns the histories that were built.
    """
    with store.begin() as connection:
        if not stale_states.read_stale(connection):
            return ()
    if advisory.is_held(store.url, INGESTING):
        return ()
    with advisory.attempt(store.url, RENEWING) as is_ours:
        return renew(store) if is_ours else ()


def renew(store: Store) -> tuple[HistoryFeatures, ...]:
    """Fold the whole log anew for the histories that an ingest, perhaps a killed one, left behind.

    The old states are read until the new ones are committed; recorders wait for the last part.
    Returns the histories that were built.
    """
    with store.connect() as connection:
        stale = set(feature_states.active(connection)) - feature_states.fresh(connection)
    return _build(store, tuple(stale))


def activate(store: Store, plan: FeaturePlan) -> tuple[HistoryFeatures, ...]:
    """Begin to keep the states that a plan reads; those that are up to date stay as they are.

    Returns the histories that were built.
    """
    with store.connect() as connection:
        fresh = feature_states.fresh(connection)
    return _build(store, [history for history in plan.histories if history not in fresh])


@dataclass(frozen=True)
class RebuiltHistory:
    """A history built anew. keys: with a state; changed: whose state was not what it should be."""

    history: HistoryFeatures
    keys: int
    changed: int


def rebuild(store: Store) -> tuple[RebuiltHistory, ...]:
    """Fold the whole log anew for every history in use, and report which states were wrong.

    Predictions go on meanwhile; recorders wait for the last part. When it is cut off, everything
    is as before.
    """
    early = read_facts(store)
    with store.connect() as connection:
        feature_states.lock_out_recorders(connection)
        log, built_seq = _whole_log(store, early)
        histories = feature_states.active(connection)
        done = tuple(_replace(connection, history, log, built_seq) for history in histories)
        feature_states.settle(connection, histories)
    return done


def _build(store: Store, histories: Sequence[HistoryFeatures]) -> tuple[HistoryFeatures, ...]:
    if not histories:
        return ()
    early = read_facts(store)
    with store.connect() as connection:
        feature_states.lock_out_recorders(connection)
        fresh = feature_states.fresh(connection)
        missing = tuple(history for history in histories if history not in fresh)
        log, built_seq = _whole_log(store, early)
        for history in missing:
            last = fold_states(log, history)
            keys = last.keys(log)
            feature_states.replace_history(connection, history, keys, last.states, built_seq)
        feature_states.settle(connection, missing)
    return missing


def _replace(
    connection: Connection, history: HistoryFeatures, log: Log, built_seq: int
) -> RebuiltHistory:
    last = fold_states(log, history)
    keys = last.keys(log)
    before = feature_states.read_history(connection, history)
    now = dict(zip(keys, last.states, strict=True))
    same = sum(k in before and before[k].tobytes() == s.tobytes() for k, s in now.items())
    feature_states.replace_history(connection, history, keys, last.states, built_seq)
    return RebuiltHistory(history, len(keys), len(before.keys() | now.keys()) - same)


def _whole_log(store: Store, early: pd.DataFrame) -> tuple[Log, int]:
    log = prepare(read_later_facts(store, early))
    return log, int(log.facts["seq"].max()) if len(log.facts) else 0
