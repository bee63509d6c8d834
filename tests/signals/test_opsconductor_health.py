"""OpsConductor's routes of health and insights say what Runlore's own say, in its words."""

from datetime import timedelta

import httpx
import numpy as np
import pytest

from bentos.dialects.opsconductor_health import HEALTH, INSIGHTS
from bentos.predict.live_versions import Serving
from runlore.alerts.actions.handling import raise_alert
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.kernel import instants
from runlore.signals.actions import issued_forecasts
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.signals.health_world import DAY, write_world
from tests.signals.points import STEPS, day_and_night, write_points

__all__ = ["serve"]

REGRESSION = AlertFinding(
    "regression", "build_seconds of prod", Severity.WARNING, "up 30 %", "95 %", "find the release",
    evidence={"scope": "prod", "change": 0.3},
)  # fmt: skip


@pytest.fixture
def service(store: Store, serve: Serve) -> httpx.Client:
    return serve(Serving((), store=store, live={}))


def test_system_health_is_the_own_health_with_factors(service: httpx.Client, store: Store) -> None:
    write_world(store, precedes=True, now=instants.now())
    told = service.get(HEALTH)
    assert told.status_code == 200, told.text
    (prod,) = told.json()["components"]
    own = service.get("/signals/health", params={"at": told.json()["as_of"]}).json()
    assert (prod["component"], prod["status"]) == ("prod", "predicted")
    assert prod["health_score"] == own["scopes"][0]["health"]
    anomaly = prod["factors"][0]
    assert (anomaly["factor"], anomaly["stands_out"]) == ("anomaly", True)
    assert anomaly["weight"] == own["scopes"][0]["parts"][0]["weight"] > 0


def test_insights_are_alerts_and_metrics_outside_their_forecast(
    service: httpx.Client, store: Store
) -> None:
    assert service.get(HEALTH, params={"x": 1}).status_code == 422
    now = instants.now()
    end = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    write_points(store, day_and_night(), first=end - timedelta(hours=STEPS))
    issued_forecasts.issue(store, [SeriesSpec("load", series="*", horizons_s=(86_400.0,))], end)
    write_points(store, np.array([500.0]), first=end + timedelta(hours=1))
    with store.begin() as connection:
        raise_alert(connection, REGRESSION, now - DAY)
    answer = service.get(INSIGHTS)
    assert answer.status_code == 200, answer.text
    regression, forecast = answer.json()["insights"]
    assert (regression["insight_type"], regression["affected"]) == (
        "regression",
        REGRESSION.subject,
    )
    assert regression["recommendation"] == REGRESSION.advice
    assert regression["evidence"]["change"] == 0.3
    assert (forecast["insight_type"], forecast["affected"]) == ("forecast", "cpu of web-1")
    assert forecast["evidence"]["high"] < forecast["evidence"]["seen"] == 500
