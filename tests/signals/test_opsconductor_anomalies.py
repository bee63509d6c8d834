"""OpsConductor's two routes of anomalies say what incidents and anomalies say, in its words."""

import json
import re
from datetime import timedelta

import httpx
import numpy as np
import pytest

from bentos.dialects.opsconductor_anomalies import (
    ACTIVE,
    DETECT,
    ActiveAnomaly,
    DetectedAnomaly,
)
from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.bentos.product_pages import DOCS
from tests.signals.points import write_points
from tests.signals.test_streaming import noise, record, take

__all__ = ["serve"]

MINUTE = timedelta(minutes=1)


@pytest.fixture
def service(store: Store, serve: Serve) -> httpx.Client:
    return serve(Serving((), store=store, live={}))


def test_series_that_deviate_together_are_one_active_anomaly(
    service: httpx.Client, store: Store
) -> None:
    assert service.get(ACTIVE).json()["anomalies"] == []
    first = instants.now() - 180 * MINUTE
    record(store, {("cpu", "web-1"): noise(100), ("load", "web-1"): noise(100, 2)}, first)
    record(store, {("cpu", "web-1"): [150.0], ("load", "web-1"): [900.0]}, first + 100 * MINUTE)
    take(store)
    (found,) = service.get(ACTIVE).json()["anomalies"]
    (incident,) = service.get("/signals/incidents").json()["incidents"]
    assert (found["anomaly_id"], found["affected"]) == (incident["id"], "web-1")
    assert sorted(found["metrics"]) == ["cpu", "load"]
    assert found["description"] == incident["what"]


def test_a_spike_is_detected_as_the_own_route_detects_it(
    service: httpx.Client, store: Store
) -> None:
    values = 20 + np.random.default_rng(1).normal(0, 0.5, 24 * 15)
    values[-20] += 20
    now = instants.now().replace(minute=0, second=0, microsecond=0)
    write_points(store, values, first=now - timedelta(hours=len(values)))
    answer = service.post(DETECT, json={"metric": "cpu", "days": 7, "alarms_a_week": 0.2})
    assert answer.status_code == 200, answer.text
    query = {"name": "cpu", "budget": 0.2}
    own = service.get("/signals/anomalies", params=query).json()["anomalies"]
    found = answer.json()["anomalies"]
    assert [(one["anomaly_id"], one["type"], one["value"]) for one in found] == [
        (one["id"], one["kind"], one["seen"]) for one in own
    ]
    assert max(one["value"] for one in found) > 30
    assert service.post(DETECT, json={"scope": "web-9"}).json()["anomalies"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"days": 0}, "days"),
        ({"method": "magic"}, "method"),
        ({"alarms_a_week": 0}, "alarms_a_week"),
        ({"metric": "a\x00"}, "metric"),
        ({"host": "x"}, "host"),
        ([], ""),
    ],
)
def test_a_wrong_request_names_its_field(service: httpx.Client, body: object, field: str) -> None:
    answer = service.post(DETECT, json=body)
    assert answer.status_code == 422, answer.text
    assert field in answer.text


def test_the_entries_that_the_page_shows_are_what_is_answered() -> None:
    page = (DOCS / "products" / "opsconductor.md").read_text(encoding="utf-8")
    shown = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", page, re.M | re.S)]
    [active] = [one for one in shown if "affected" in one]
    [detected] = [one for one in shown if "related_metrics" in one]
    assert set(ActiveAnomaly(**active).model_dump()) == set(active)
    assert set(DetectedAnomaly(**detected).model_dump()) == set(detected)
