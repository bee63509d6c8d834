"""Keep the states of features: build them from the log, and start to keep those a model needs."""

from collections.abc import Iterable, Sequence

import pandas as pd

from runlore.features.declaration import FeaturePlan, History
from runlore.features.matrix import fold_history, prepare
from runlore.store import feature_states
from runlore.store.engine import Store
from runlore.store.executions import count_facts, read_facts


def rebuild(store: Store, histories: Iterable[History] | None = None) -> tuple[History, ...]:
    """Fold the whole log anew; None: all histories that are kept.

    To be called when facts were added otherwise than one by one, such as by an ingest. The old
    states are read until the new ones are committed; recorders wait for the last part of it.
    """
    if histories is None:
        with store.connect() as connection:
            histories = feature_states.active(connection)
    return _build(store, tuple(histories), is_forced=True)


def activate(store: Store, plan: FeaturePlan) -> tuple[History, ...]:
    """Begin to keep the states that a plan reads; those that are kept already stay as they are.

    Returns the histories that were built.
    """
    with store.connect() as connection:
        kept = feature_states.active(connection)
    return _build(store, [each for each in plan.histories if each not in kept], is_forced=False)


def _build(store: Store, histories: Sequence[History], *, is_forced: bool) -> tuple[History, ...]:
    if not histories:
        return ()
    early = read_facts(store)
    with store.connect() as connection:
        feature_states.lock_out_recorders(connection)
        kept = feature_states.active(connection)
        wanted = tuple(each for each in histories if is_forced or each not in kept)
        log = prepare(_all(store, early))
        built_seq = int(log.facts["seq"].max()) if len(log.facts) else 0
        for history in wanted:
            _, last = fold_history(log, history)
            feature_states.replace_history(
                connection, history, last.keys(log), last.states, built_seq
            )
    return wanted


def _all(store: Store, early: pd.DataFrame) -> pd.DataFrame:
    """All facts, of which most were read before; a slow writer may have committed earlier ones."""
    last = int(early["seq"].max()) if len(early) else 0
    if count_facts(store, last) != len(early):
        return read_facts(store)
    late = read_facts(store, after_seq=last)
    if not len(late):
        return early
    return pd.concat([early, late], ignore_index=True) if len(early) else late
