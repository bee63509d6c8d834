"""Looks at the performance of a spec open the same anomaly in whatever order they are made."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runlore.alerts.queries import alerts
from runlore.alerts.queries.alerts import AlertQuery
from runlore.kernel.instants import to_us
from runlore.performance.actions import record
from runlore.performance.rules.maturity import MatchedPredictions
from runlore.performance.rules.windows import WindowPerformance, measure
from runlore.store.engine import Store
from tests.log.logged_work import day
from tests.tables import empty_tables


@dataclass(frozen=True)
class Looked:
    """One look: what the newest window says, if it can be judged."""

    number: int
    says: str
    spec: str = "spec"
    version: str = "1"

    @property
    def at(self) -> datetime:
        return day(7 * self.number + 7)

    @property
    def windows(self) -> tuple[WindowPerformance, ...]:
        first, last = to_us(day(7 * self.number)), to_us(self.at)
        as_of = np.linspace(first + 1, last, 40).astype(np.int64)
        half = np.full(40, 0.5)
        answered = MatchedPredictions(
            as_of_us=as_of,
            prediction=half,
            actual=np.arange(40) % 2.0,
            low=half,
            high=half,
            age_s=(last - as_of) / 1e6,
            delay_s=np.full(40, 1.0),
        )
        return measure(answered, [first, last], None, is_probability=True)

    def record(self, store: Store) -> str | None:
        broken = ["brier is below its floor"] if self.says == "broken" else []
        is_conclusive = self.says == "sound"
        return record.record(store, self, broken, Path("x.png"), is_conclusive=is_conclusive)


def state(store: Store) -> list[str]:
    with store.begin() as connection:
        return [alert.what for alert in alerts.read(connection, AlertQuery("open", "performance"))]


SAYS = st.sampled_from(["broken", "sound", "inconclusive"])


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(said=st.lists(SAYS, min_size=1, max_size=5), data=st.data())
def test_any_order_of_looks_opens_the_same_anomaly(
    database: Store, said: list[str], data: st.DataObject
) -> None:
    looks = [Looked(number, says) for number, says in enumerate(said)]
    empty_tables(database)
    for look in looks:
        look.record(database)
    expected = state(database)
    empty_tables(database)
    for look in data.draw(st.permutations(looks), label="order"):
        look.record(database)
    assert state(database) == expected


def test_a_broken_look_that_comes_after_a_newer_one_without_labels_opens_the_anomaly(
    store: Store,
) -> None:
    assert Looked(1, "inconclusive").record(store) is None
    assert Looked(0, "broken").record(store) == "opened"
    assert Looked(1, "inconclusive").record(store) == "open"
