"""Any request to any address of the console is answered in words, and never by a fault."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from bentos.access.sessions import COOKIE
from bentos.console.frame.endpoints import ENDPOINTS
from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.store.engine import Store
from tests.bentos.conftest import Serve
from tests.console import full_world
from tests.console.conftest import BROWSER, MakeKey, form_token, log_in

ODD = (
    "", " ", "0", "-1", "1", "9" * 18, "9" * 19, "9" * 400, "1e999", "nan", "٣", "0x1", "true",
    "null", "\x00", "a\x00b", "\r\nset-cookie: a=b", "..", "../../etc/passwd", "%", "%00", "%s",
    "{}", "[]", "{{7*7}}", "' OR 1=1 --", "<script>", "\u202e", "\ufffe", "😀" * 90, "a" * 5_000,
    "failure-risk", "00000000-0000-0000-0000-000000000000", "0001-01-01", "9999-12-31",
    "2026-11-01T00:00:00+99:99", "2026-11-01T00:00:00Z_00000000-0000-0000-0000-000000000000",
    "champion", "b-0", "http",
)  # fmt: skip
QUERY = (
    "actor", "arm", "before", "day", "execution", "id", "inputs.nodes", "inputs.queue", "kind",
    "last", "measure", "next", "part", "scope", "since", "source", "spec", "state", "status",
    "subject", "submitted", "until", "version",
)  # fmt: skip
FORM = (
    "actor", "back", "hours", "input", "inputs.nodes", "inputs.queue", "key", "kind", "next",
    "reason", "scope", "source", "subject", "what_if",
)  # fmt: skip
METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE")
RIGHT = "right"
REGISTRY = ("/rollout", "/promote", "/promote-now", "/accept-data", "/hold", "/resume", "/stop")


@pytest.fixture
def attacked(
    serve: Serve,
    serving: Serving,
    world: Store,
    short_tmp: Path,
    tmp_path: Path,
    make_key: MakeKey,
) -> Iterator[httpx.Client]:
    """Someone who may do everything, at a service with something on every page."""
    full_world.fill(world, tmp_path, instants.now())
    full_world.dress(serving)
    client = serve(serving, home=short_tmp, database_url=world.url, api_keys="required")
    client.headers.update(BROWSER)
    log_in(client, make_key("read", "predict", "record", "train"))
    return client


def texts() -> st.SearchStrategy[str]:
    odd = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
    return st.sampled_from(ODD) | odd


@st.composite
def attacks(draw: st.DrawFn) -> dict[str, Any]:
    """A request of any method to any route, its parts from among odd ones."""
    endpoint = draw(st.sampled_from(ENDPOINTS))
    path = endpoint.path
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + quote(draw(texts()), safe="") + rest.partition("}")[2]
    method = draw(st.sampled_from((endpoint.method, endpoint.method, *METHODS)))
    query = draw(st.dictionaries(st.sampled_from(QUERY), texts(), max_size=4))
    form = draw(st.dictionaries(st.sampled_from(FORM), texts(), max_size=6))
    token = draw(st.sampled_from((RIGHT, RIGHT, "", "0" * 64, "ä", None)))
    return {"method": method, "path": path, "query": query, "form": form, "token": token}


def send(client: httpx.Client, attack: dict[str, Any], token: str) -> httpx.Response:
    form = dict(attack["form"])
    if attack["token"] is not None:
        form["form_token"] = token if attack["token"] == RIGHT else attack["token"]
    body = {"data": form} if attack["method"] in ("POST", "PUT", "PATCH", "DELETE") else {}
    return client.request(attack["method"], attack["path"], params=attack["query"], **body)


def assert_in_words(answer: httpx.Response, of: object) -> None:
    assert answer.status_code < 500, (of, answer.text[:2000])
    assert "Traceback" not in answer.text, of
    assert "sqlalchemy" not in answer.text, of
    assert "psycopg" not in answer.text, of


@pytest.mark.slow
def test_no_request_makes_a_page_fail(attacked: httpx.Client) -> None:
    token = form_token(attacked.get("/console/alerts").text)
    session, seen = attacked.cookies[COOKIE], set()
    attacked.cookies.clear()
    attacked.cookies.set(COOKIE, session)

    @settings(
        max_examples=350,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(attacks())
    def attack(one: dict[str, Any]) -> None:
        if one["path"].endswith(REGISTRY) and "/failure-risk/" in one["path"]:
            one["path"] = one["path"].replace("failure-risk", "no-spec")  # would start MLflow
        answer = send(attacked, one, token)
        seen.add(answer.status_code)
        assert_in_words(answer, one)
        attacked.cookies.set(COOKIE, session)  # a form may have logged out

    attack()
    assert {200, 303, 404, 405, 422} <= seen


@pytest.mark.slow
def test_each_part_of_each_address_may_be_anything(attacked: httpx.Client) -> None:
    for endpoint in ENDPOINTS:
        if endpoint.method != "GET" or "{" not in endpoint.path:
            continue
        head, _, rest = endpoint.path.partition("{")
        tail = rest.partition("}")[2].replace("{name}", "x")
        for odd in (*(quote(text, safe="") for text in ODD), "%ff%fe", "%ed%a0%80"):
            assert_in_words(attacked.get(head + odd + tail), (endpoint.path, odd))


def test_bodies_of_any_sort_are_refused_in_words(attacked: httpx.Client) -> None:
    path = "/console/silences"
    form = {"content-type": "application/x-www-form-urlencoded"}
    bodies = (b"", b"\xff\xfe", b"a" * 2_000_000, b"&".join([b"a=1"] * 500), b"%ff=%fe", b"=&=&;")
    for body in bodies:
        answer = attacked.post(path, content=body, headers=form)
        assert answer.status_code in (400, 403, 413, 422), (body[:20], answer.status_code)
        assert_in_words(answer, body[:20])
    for kind in ("multipart/form-data", "application/json", "text/plain", ""):
        answer = attacked.post(path, content=b"{}", headers={"content-type": kind})
        assert answer.status_code == 400, kind
