"""`POST /ai/predictive/analyze-performance` says what forecasts say, in OpsConductor's words."""

from datetime import timedelta

import httpx
import numpy as np
import pytest

from bentos.dialects.opsconductor_performance import AT
from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.signals.points import write_points

__all__ = ["serve"]

DAYS = 70


@pytest.fixture
def service(store: Store, serve: Serve) -> httpx.Client:
    hours = np.arange(DAYS * 24)
    values = 100 + 10 * np.sin(hours * 2 * np.pi / 24)
    noise = np.random.default_rng(1).normal(0, 0.2, len(hours))
    now = instants.now().replace(minute=0, second=0, microsecond=0)
    first = now - timedelta(days=DAYS)
    write_points(store, values + noise, name="cpu", first=first)
    write_points(store, values + noise + 0.1 * hours, name="disk", first=first)
    write_points(store, values[:60], name="young", first=now - timedelta(hours=60))
    return serve(Serving((), store=store, live={}))


def test_seven_and_thirty_days_are_the_forecasts_of_these_horizons(service: httpx.Client) -> None:
    answer = service.post(AT, json={"metric": "cpu"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert [one["days"] for one in body["predictions"]] == [7, 30]
    week = body["predictions"][0]
    assert (week["status"], week["trend"]) == ("predicted", "unclear")
    assert week["predicted_average"] == pytest.approx(100, abs=0.5)
    plain = service.get("/forecasts/cpu", params={"hours": 168}).json()
    assert week["at_end"] == plain["points"][-1]
    assert week["coverage"] == plain["coverage"]
    assert service.get(body["follow"]).json()["points"][-1] == body["predictions"][1]["at_end"]


def test_what_grows_is_rising_and_what_cannot_be_checked_is_withheld(
    service: httpx.Client,
) -> None:
    (disk,) = service.post(AT, json={"metric": "disk", "days": [7]}).json()["predictions"]
    assert disk["trend"] == "rising"
    assert disk["at_end"]["low"] > disk["recent_average"]
    (young,) = service.post(AT, json={"metric": "young", "days": [30]}).json()["predictions"]
    assert (young["status"], young["at_end"], young["trend"]) == ("withheld", None, None)
    assert "too few to check" in young["reason"]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"metric": "nope"}, 404, "nope"),
        ({}, 422, "metric"),
        ({"metric": "cpu", "days": [0]}, 422, "days"),
        ({"metric": "cpu", "days": []}, 422, "days"),
        ({"metric": "a\x00", "days": [7]}, 422, "metric"),
        ({"metric": "cpu", "host": "x"}, 422, "host"),
        ([], 422, ""),
    ],
)
def test_a_wrong_request_names_its_field(
    service: httpx.Client, body: object, status: int, says: str
) -> None:
    answer = service.post(AT, json=body)
    assert answer.status_code == status, answer.text
    assert says in answer.text
