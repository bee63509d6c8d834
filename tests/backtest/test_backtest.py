"""A backtest reads the log of the store."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from runlore.backtest.actions import BacktestOptions, backtest, draw
from runlore.backtest.rules.policy import named
from runlore.kernel.errors import BadInput, Refused
from runlore.specs.catalog import failure_risk
from runlore.store.engine import Store
from tests.log.logged_work import Work, add

SPEC = replace(
    failure_risk.SPEC,
    candidates=("baseline", "linear"),
    split=replace(failure_risk.SPEC.split, least_rows=100, max_rows=600),
)


def test_a_log_is_replayed_from_the_store_and_drawn(store: Store, tmp_path: Path) -> None:
    add(store, Work(900, 0, 70, failing=0.3))
    found = backtest(store, SPEC, BacktestOptions(policies=("static", "weekly")))
    assert set(found.standings) == {"static", "weekly", "baseline"}
    assert found.windows == 6
    assert np.isfinite(found.answers.of["weekly"]).all()
    assert found.replayed[0].trained == 0
    assert found.replayed[1].trained == found.windows - 1
    assert found.replayed[1].cpu_s > found.replayed[0].cpu_s > 0
    assert all(path.stat().st_size for path in draw(found, tmp_path))


def test_an_empty_log_is_refused(store: Store) -> None:
    with pytest.raises(Refused, match="runlore ingest"):
        backtest(store, SPEC, BacktestOptions())


def test_too_short_a_log_is_refused_with_the_remedy(store: Store) -> None:
    add(store, Work(300, 0, 20))
    with pytest.raises(Refused, match="--window-days"):
        backtest(store, SPEC, BacktestOptions())


def test_an_unknown_policy_is_named_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match="'daily': give some of static, weekly, drift, loop"):
        named("static,daily")
