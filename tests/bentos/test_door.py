"""At the door of the service: keys, scopes, limits, and what is open to all."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text
from starlette.requests import Request

from bentos.access.key_cache import OneKey
from bentos.access.key_check import KeyCheck
from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.serving.actions import api_keys
from runlore.serving.queries import api_keys as table
from runlore.store.engine import Store

ANN = {"actor": "ann", "kind": "build", "scope": "web", "inputs": {"nodes": 4}}
SOME_ID = "019a8f00-0000-7000-8000-000000000000"
REQUESTS = {
    "predict": [("POST", "/predict/failure-risk"), ("POST", "/predict/failure-risk/batch")],
    "record": [("POST", "/executions"), ("POST", "/executions/x/outcome")],
    "read": [("GET", "/executions/x"), ("GET", f"/predictions/{SOME_ID}"), ("GET", "/metrics")],
}
OPEN = ["/docs", "/docs.json", "/openapi.json", "/static_content/swagger-ui.css"]


@pytest.fixture
def closed(serve: Callable[..., httpx.Client], serving: Serving) -> httpx.Client:
    return serve(serving, api_keys="required")


def make(store: Store, *scopes: str, name: str = "ci") -> str:
    return api_keys.create(store, name, scopes, instants.now()).text


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def ask(client: httpx.Client, key: str = "") -> httpx.Response:
    return client.post("/predict/failure-risk", json=ANN, headers=bearer(key) if key else {})


def await_status(client: httpx.Client, key: str, status: int, within_s: float) -> None:
    until = time.monotonic() + within_s
    while (found := ask(client, key).status_code) != status:
        assert time.monotonic() < until, found
        time.sleep(0.02)


def admit_new(client: httpx.Client, store: Store, *scopes: str, name: str = "ci") -> str:
    """A key that the service knows."""
    key = make(store, *scopes, name=name)
    until = time.monotonic() + 60
    while client.get("/metrics", headers=bearer(key)).status_code == 401:
        assert time.monotonic() < until
        time.sleep(0.02)
    return key


def test_without_a_key_nothing_but_the_documents_is_answered(closed: httpx.Client) -> None:
    for method, path in (each for requests in REQUESTS.values() for each in requests):
        answer = closed.request(method, path, json=ANN if method == "POST" else None)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == 'Bearer realm="runlore"'
        assert answer.headers["content-type"] == "application/problem+json"
        told = answer.json()
        assert (told["status"], told["title"]) == (401, "A key is needed")
        assert "Authorization: Bearer rl_" in told["detail"]
    for path in OPEN:
        assert closed.get(path).status_code == 200, path
    assert closed.get("/nowhere").status_code == 404


def test_a_scope_opens_its_routes_and_no_others(closed: httpx.Client, store: Store) -> None:
    keys = {scope: admit_new(closed, store, scope, name=scope) for scope in REQUESTS}
    for scope, key in keys.items():
        for needed, requests in REQUESTS.items():
            for method, path in requests:
                body = [ANN] if path.endswith("batch") else ANN
                answer = closed.request(
                    method, path, json=body if method == "POST" else None, headers=bearer(key)
                )
                assert (answer.status_code == 403) == (scope != needed), (scope, path)
                assert answer.status_code != 401


def test_a_missing_scope_is_named(closed: httpx.Client, store: Store) -> None:
    key = admit_new(closed, store, "record", "read")
    answer = ask(closed, key)
    assert answer.status_code == 403
    assert "lacks the scope 'predict'; it has: record, read" in answer.json()["detail"]
    assert 'error="insufficient_scope", scope="predict"' in answer.headers["www-authenticate"]


def test_a_key_may_come_in_either_header_and_admin_may_do_everything(
    closed: httpx.Client, store: Store
) -> None:
    key = admit_new(closed, store, "admin")
    for headers in (
        {"X-API-Key": key},
        {"authorization": f"bearer {key}"},
        {"X-API-Key": key, "Authorization": "Basic b2Y6cHJveHk="},
    ):
        assert closed.post("/predict/duration", json=ANN, headers=headers).status_code == 200
        assert closed.get("/metrics", headers=headers).status_code == 200


@pytest.mark.parametrize("spoil", [lambda k: k[:-1] + "x", lambda k: k[:20], lambda _: "rl_é_1"])
def test_a_wrong_key_is_refused_without_a_hint_at_what_is_wrong(
    closed: httpx.Client, store: Store, spoil: Callable[[str], str]
) -> None:
    wrong = spoil(admit_new(closed, store, "predict"))
    headers = [(b"Authorization", b"Bearer " + wrong.encode("latin-1"))]
    answer = closed.post("/predict/failure-risk", json=ANN, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["detail"] == "the key is unknown, was revoked or has expired"
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_keys_come_and_go_within_two_seconds_on_every_worker(
    serve: Callable[..., httpx.Client], serving: Serving, store: Store
) -> None:
    workers = [serve(another(serving), api_keys="required") for _ in range(3)]
    old = make(store, "predict")
    for each in workers:
        await_status(each, old, 200, within_s=2)
    new = make(store, "predict")
    for each in workers:
        await_status(each, new, 200, within_s=2)
        assert ask(each, old).status_code == 200
    api_keys.revoke(store, old.split("_")[1], instants.now())
    for each in workers:
        await_status(each, old, 401, within_s=2)
        assert ask(each, new).status_code == 200


def test_a_key_ends_at_its_instant_though_it_was_read_before(
    closed: httpx.Client, store: Store
) -> None:
    at = instants.now()
    made = api_keys.create(store, "ci", ["predict"], at, at + timedelta(seconds=2.5))
    await_status(closed, made.text, 200, within_s=2)
    await_status(closed, made.text, 401, within_s=4)
    assert instants.now() >= at + timedelta(seconds=2.5)


def test_uses_are_counted_when_the_service_ends_at_the_latest(
    serve: Callable[..., httpx.Client], serving: Serving, store: Store
) -> None:
    client = serve(serving, api_keys="required")
    key = make(store, "predict")
    await_status(client, key, 200, within_s=60)
    for _ in range(20):
        assert ask(client, key).status_code == 200
    assert client.get("/metrics", headers=bearer(key)).status_code == 403
    until = time.monotonic() + 60
    while (found := table.every(store)[0]).uses < 21 and time.monotonic() < until:
        time.sleep(0.1)
    assert found.uses == 21
    assert found.last_used_at is not None


def test_known_keys_go_on_while_the_database_is_away_and_others_are_told(
    closed: httpx.Client, serving: Serving, store: Store
) -> None:
    key = admit_new(closed, store, "read")
    serving.store = None
    stranger = bearer("rl_0000000000_" + "0" * 64)
    until = time.monotonic() + 60
    while closed.get("/metrics", headers=stranger).status_code == 401:
        assert time.monotonic() < until
        time.sleep(0.05)
    answer = closed.get("/metrics", headers=stranger)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert closed.get("/metrics", headers=bearer(key)).status_code == 200
    serving.store = store
    while closed.get("/metrics", headers=stranger).status_code == 503:
        assert time.monotonic() < until + 60
    assert closed.get("/metrics", headers=bearer(key)).status_code == 200


def test_no_secret_is_in_the_database_or_in_a_log(
    closed: httpx.Client, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = admit_new(closed, store, "predict")
    secret = key.split("_")[2]
    ask(closed, key)
    closed.post("/predict/failure-risk", content=b"{", headers={"X-API-Key": key})
    closed.get("/metrics", headers={"X-API-Key": key})
    with store.begin() as connection:
        for name in ("api_keys", "ledger", "rate_windows"):
            rows = connection.scalars(text(f"SELECT {name}::text FROM runlore.{name}")).all()
            assert not any(secret in row for row in rows)
    assert secret not in caplog.text


@pytest.mark.parametrize(
    ("mode", "host", "needed"),
    [
        ("auto", "127.0.0.1", False),
        ("auto", "localhost", False),
        ("auto", "0.0.0.0", True),  # noqa: S104
        ("auto", "10.1.2.3", True),
        ("required", "127.0.0.1", True),
        ("off", "0.0.0.0", False),  # noqa: S104
    ],
)
def test_auto_asks_for_keys_where_others_can_reach_the_service(
    serve: Callable[..., httpx.Client], serving: Serving, mode: str, host: str, needed: bool
) -> None:
    client = serve(serving, api_keys=mode, host=host)
    assert ask(client).status_code == (401 if needed else 200)
    document = client.get("/docs.json").json()
    security = document["paths"]["/predict/failure-risk"]["post"]["security"]
    assert ({} not in security) == needed, "{} stands for no key"
    assert {"bearer": ["predict"]} in security


@pytest.mark.parametrize(
    ("server", "needed"),
    [
        (("127.0.0.1", 3000), False),
        (("::1", 3000), False),
        (("10.1.2.3", 3000), True),
        (("::ffff:10.1.2.3", 3000), True),
        (("/run/service.sock", None), False),
        (None, False),
    ],
)
def test_auto_believes_the_connection_more_than_the_settings(
    server: tuple[str, int | None] | None, needed: bool
) -> None:
    request = Request({"type": "http", "headers": [], "server": server})
    check = KeyCheck(OneKey(None), is_required=False, is_public=False)
    is_local = check.is_local(request)
    assert check.needs_key("predict", is_local=is_local) == needed
    assert check.needs_key("train", is_local=is_local), "whoever it is changes what answers"
    assert check.needs_key("read", is_local=is_local, takes_session=True), "nor pages"
    off = KeyCheck(None, is_required=True, is_public=True)
    assert not off.needs_key("train", is_local=off.is_local(request))


def test_a_page_of_another_site_must_not_write_where_no_key_is_needed(
    client: httpx.Client, closed: httpx.Client, store: Store
) -> None:
    here = f"{client.base_url.host}:{client.base_url.port}"
    statuses = {"http://evil.example": 403, "null": 403, f"http://{here}1": 403}
    statuses |= {f"http://{here}": 200, f"HTTP://{here}": 200}
    for origin, status in statuses.items():
        told = client.post("/predict/failure-risk", json=ANN, headers={"Origin": origin})
        assert told.status_code == status, origin
    key = admit_new(closed, store, "predict")
    headers = bearer(key) | {"Origin": "http://evil.example"}
    assert closed.post("/predict/failure-risk", json=ANN, headers=headers).status_code == 200


def test_a_name_that_any_site_may_give_this_machine_is_refused_where_no_key_is_needed(
    client: httpx.Client, closed: httpx.Client, serve: Callable[..., httpx.Client], store: Store
) -> None:
    statuses = {"evil.example:3000": 403, "127.0.0.1.evil.example": 403, "[::1": 403}
    statuses |= {"localhost:3000": 200, "[::1]:3000": 200, "serving": 200}
    for host, status in statuses.items():
        headers = {"Host": host, "Origin": f"http://{host}"}
        for method, path in (("POST", "/predict/failure-risk"), ("GET", "/metrics")):
            body = ANN if method == "POST" else None
            assert client.request(method, path, json=body, headers=headers).status_code == status
    named = {"Host": "runlore.example"}
    allowed = named | bearer(admit_new(closed, store, "predict"))
    assert closed.post("/predict/failure-risk", json=ANN, headers=allowed).status_code == 200
    proxied = serve(Serving(("failure-risk",), store=store), api_keys="off")
    assert proxied.get("/metrics", headers=named).status_code == 200


def test_the_document_says_which_scope_each_route_needs(closed: httpx.Client, store: Store) -> None:
    document = closed.get("/docs.json").json()
    keys = {scope: admit_new(closed, store, scope, name=scope) for scope in REQUESTS}
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header", "login"}
    for path, operations in document["paths"].items():
        for method, told in operations.items():
            if path in ("/livez", "/readyz", "/.well-known/agent-card.json"):
                assert "security" not in told
                continue
            scopes = [
                scope for each in told["security"] for found in each.values() for scope in found
            ]
            assert {"login": []} in told["security"]
            assert len(set(scopes)) == 1
            assert {"401", "403", "429"} <= set(told["responses"])
            filled = path.replace("{id}", "x")
            for scope, key in keys.items():
                with closed.stream(method, filled, headers=bearer(key)) as answer:
                    assert (answer.status_code != 403) == (scope in scopes), (path, scope)


def test_a_service_without_a_database_takes_one_key(
    serve: Callable[..., httpx.Client], serving: Serving
) -> None:
    alone = Serving(serving.names, is_standalone=True, live=serving.live)
    client = serve(alone, api_keys="required", api_key="a long word", rate_limit_per_minute=4)
    await_minute()
    assert ask(client, "a long word").json()["history"] == "absent"
    assert ask(client, "another").status_code == 401
    assert ask(client).status_code == 401
    assert [ask(client, "a long word").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_key_from_a_file_may_end_with_a_line_break(
    serve: Callable[..., httpx.Client], serving: Serving
) -> None:
    alone = Serving(serving.names, is_standalone=True, live=serving.live)
    client = serve(alone, api_keys="required", api_key="a long word\n")
    assert ask(client, "a long word").status_code == 200


def test_a_service_without_a_database_and_without_its_key_says_what_it_lacks(
    serve: Callable[..., httpx.Client], serving: Serving
) -> None:
    client = serve(
        Serving(serving.names, is_standalone=True, live=serving.live), api_keys="required"
    )
    answer = ask(client, "anything")
    assert answer.status_code == 503
    assert "RUNLORE_API_KEY" in answer.json()["detail"]


def test_several_workers_let_in_exactly_the_limit(
    serve: Callable[..., httpx.Client], serving: Serving, store: Store
) -> None:
    chosen = {"api_keys": "required", "rate_limit_per_minute": 100}
    workers = [serve(another(serving), **chosen) for _ in range(3)]
    key, other = make(store, "predict"), make(store, "predict", name="other")
    time.sleep(1)
    await_minute()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda at: ask(workers[at % 3], key), range(150)))
    admitted = [each for each in answers if each.status_code == 200]
    refused = [each for each in answers if each.status_code == 429]
    assert (len(admitted), len(refused)) == (100, 50)
    assert {each.headers["ratelimit-limit"] for each in answers} == {"100"}
    assert all(0 <= int(each.headers["ratelimit-remaining"]) < 100 for each in admitted)
    for each in refused:
        assert 1 <= int(each.headers["retry-after"]) <= 60
        assert each.headers["ratelimit-remaining"] == "0"
        assert each.json()["title"] == "Too many requests"
    assert ask(workers[0], other).status_code == 200
    with store.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM runlore.ledger")) == 101


def test_without_keys_the_limit_is_that_of_an_address(
    serve: Callable[..., httpx.Client], serving: Serving
) -> None:
    client = serve(serving, rate_limit_per_minute=3)
    await_minute()
    assert [ask(client).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert client.get("/docs.json").status_code == 200


def test_the_largest_body_is_a_setting(
    serve: Callable[..., httpx.Client], serving: Serving
) -> None:
    client = serve(serving, largest_body_mb=1)
    answer = client.post("/predict/failure-risk", content=b" " * ((1 << 20) + 1))
    assert (answer.status_code, answer.json()["detail"]) == (
        413,
        "the body is larger than 1 MiB; send less at once",
    )


def another(serving: Serving) -> Serving:
    """Another worker on the same database."""
    return Serving(serving.names, store=serving.store, live=serving.live)


def await_minute() -> None:
    """Be early enough in a minute to end in the same one."""
    passed = instants.now().second
    if passed > 50:
        time.sleep(60.5 - passed)
