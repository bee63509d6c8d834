"""Batches of answers: each execution once, however many score at once."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from handmade import register, write_bundle

from runlore.registry import Registry, connect
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import CHAMPION, ChangeReason
from runlore.serving.actions.scoring import score
from runlore.serving.queries import ledger_batch, ledger_query
from runlore.serving.queries.ledger_query import LedgerQuery
from runlore.settings import Settings
from runlore.specs.catalog import failure_risk
from runlore.store.engine import Store
from tests.log.logged_work import Work, add, day

SPEC = failure_risk.SPEC
WORK = Work(300, 0, 3)


@pytest.fixture
def registry(store: Store, tmp_path: Path) -> Iterator[Registry]:
    known = connect(Settings(home=tmp_path, mlflow_tracking_uri=None), store)
    ref = register(known, write_bundle(tmp_path / "bundle", SPEC.name, 77))
    promotion.announce(store, known, ref, ChangeReason("ann", "passed its gates"))
    yield known
    known.remove_alias(SPEC.name, CHAMPION)


def rows(store: Store) -> list[str]:
    return [row["source_id"] for row in ledger_query.rows(store, LedgerQuery())]


def test_two_who_score_at_once_write_each_answer_once(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, WORK)
    looked, told = threading.Barrier(2), threading.local()
    answered = ledger_batch.answered

    def meeting(*given: object) -> pd.MultiIndex:
        """Nobody writes before both have looked."""
        found = answered(*given)  # type: ignore[arg-type]
        if not hasattr(told, "once"):
            told.once = looked.wait(60)
        return found

    monkeypatch.setattr(ledger_batch, "answered", meeting)
    scored: list[int] = []

    def run() -> None:
        scored.append(score(store, registry, SPEC, day(4), day(0)).scored)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(scored) == [0, 300]
    assert len(rows(store)) == len(set(rows(store))) == 300


def test_what_came_since_is_scored_beside_what_was(store: Store, registry: Registry) -> None:
    add(store, WORK)
    assert score(store, registry, SPEC, day(2), day(0)).scored == 200
    assert score(store, registry, SPEC, day(4), day(0)).scored == 100
    assert len(set(rows(store))) == 300
