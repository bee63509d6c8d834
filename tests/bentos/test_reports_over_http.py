"""Reports over HTTP: formats by Accept and by name, wrong wishes, and numbers that are linked."""

import httpx
import pytest

from bentos.predict.live_versions import Serving
from runlore.store.engine import Store
from tests.bentos.conftest import Serve

REPORTS, INSIGHTS = "/api/v3/executive-reports", "/api/v3/business-insights"
SPAN = {"from": "2026-10-26", "to": "2026-11-01"}


@pytest.fixture
def client(serve: Serve, serving: Serving, store: Store) -> httpx.Client:
    made = serve(serving, api_keys="off")
    assert made.post(REPORTS, json=SPAN).status_code == 201
    return made


@pytest.mark.parametrize(
    ("accept", "query", "media"),
    [
        ("application/pdf", "", "application/pdf"),
        ("text/html,application/xhtml+xml", "", "text/html"),
        ("text/csv", "?table=days", "text/csv"),
        ("*/*", "", "application/json"),
        ("application/pdf", "?format=html", "text/html"),
    ],
)
def test_the_format_is_the_one_that_was_asked_for(
    client: httpx.Client, accept: str, query: str, media: str
) -> None:
    answer = client.get(f"{REPORTS}/1{query}", headers={"accept": accept})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith(media)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("1?format=exe", 422), ("1?format=csv&table=keys", 404), ("1?tables=keys", 422),
        ("2", 404), ("x", 404), ("99999999999999999999999", 404), ("1?colour=red", 422),
    ],
)  # fmt: skip
def test_what_is_not_there_is_named(client: httpx.Client, query: str, status: int) -> None:
    assert client.get(f"{REPORTS}/{query}").status_code == status


@pytest.mark.parametrize(
    "wish",
    [
        {"every": "weekly", **SPAN}, {"from": "2026-10-26"}, {"zone": "Mars/Base"},
        {"from": "2026-11-01", "to": "2026-10-26"}, {"from": "2020-01-01", "to": "2026-11-01"},
        {"price_per_hour": -1}, {"warns_at": 2}, {"every": "daily"},
    ],
)  # fmt: skip
def test_a_wrong_wish_is_refused(client: httpx.Client, wish: dict) -> None:
    assert client.post(REPORTS, json=wish).status_code == 422
    query = {name: str(value) for name, value in wish.items()}
    assert client.get(INSIGHTS, params=query).status_code == 422


def test_a_number_is_had_again_by_its_own_route(client: httpx.Client) -> None:
    whole = client.get(INSIGHTS, params=SPAN).json()
    for insight in whole["insights"]:
        again = client.get(insight["route"]).json()
        assert again["insights"] == [insight]
    assert client.get(INSIGHTS, params={**SPAN, "figure": "luck"}).status_code == 404
