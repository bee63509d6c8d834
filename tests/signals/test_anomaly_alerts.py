"""The batch raises one alert for each scope with anomalies, and resolves it when they are gone."""

from datetime import timedelta

import numpy as np

from runlore.alerts.queries.anomalies import open_anomaly, read_open
from runlore.signals.actions.anomaly_watch import KIND, watch_anomalies
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store
from tests.signals.points import END, STEPS, day_and_night, write_points

HOUR = timedelta(hours=1)
SPECS = [SeriesSpec("all", series="*")]


def test_one_alert_a_scope_with_its_evidence_until_all_is_usual(store: Store) -> None:
    for name, scope, size in (
        ("cpu", "web-1", 20),
        ("latency", "web-1", 25),
        ("cpu", "web-2", 22),
        ("cpu", "web-3", 0),
    ):
        values = np.concatenate([day_and_night(), day_and_night()[:24]])
        values[STEPS - 2] += size
        write_points(store, values, name=name, scope=scope)

    def causes() -> list[str]:
        with store.begin() as connection:
            return sorted(one.subject for one in read_open(connection, KIND))

    with store.begin() as connection:
        open_anomaly(connection, "incident", "web-2", "warning", {}, END)
    assert watch_anomalies(store, [], END) == {}  # nothing is watched
    for _ in range(2):
        raised = watch_anomalies(store, SPECS, END)
        assert causes() == ["web-1"]
    assert set(raised) == {"web-1"}
    assert all(one.since > END - 13 * HOUR for one in raised["web-1"])
    with store.begin() as connection:
        (alert,) = read_open(connection, KIND)
    assert alert.evidence["scope"] == "web-1"
    assert {"cpu", "latency"} <= {
        name for one in alert.evidence["anomalies"] for name in (one["series"], *one["others"])
    }
    watch_anomalies(store, SPECS, END + 24 * HOUR)
    assert causes() == []
