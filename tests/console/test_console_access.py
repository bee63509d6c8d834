"""Every page and every route that changes what answers asks who is there, on loopback too."""

import base64
import os
import re
import subprocess
from contextlib import nullcontext
from pathlib import Path
from shutil import which

import httpx
import pytest
from starlette.routing import Route

from bentos.access import failed_sign_ins
from bentos.access.sessions import COOKIE
from bentos.app.application import application
from bentos.app.endpoints import ENDPOINTS
from bentos.dialects.agent_zero_live import WEBSOCKET
from bentos.http.routing import Endpoint
from bentos.predict.live_versions import Serving
from runlore.alerts.actions import handling
from runlore.kernel import instants
from runlore.store.engine import Store
from runlore.web.login import login_file, read_login
from tests.bentos.conftest import Serve
from tests.console.conftest import BROWSER, MakeKey, await_key, form_token, log_in

PAGES = [e for e in ENDPOINTS if e.problem_page is not None]
TRAINING = [e for e in ENDPOINTS if e.problem_page is None and e.scope == "train"]
OPEN_TO_ALL = {
    ("GET", "/console/link"),
    ("GET", "/console/login"),
    ("POST", "/console/login"),
    ("POST", "/console/logout"),
    ("GET", "/console/static/{digest}/{name}"),
}
UNDO = "/ingests/1/undo"
AWAY = {"origin": "http://evil.example"}


def filled(endpoint: Endpoint) -> str:
    return re.sub(r"{[^}]+}", "1", endpoint.path)


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def test_every_page_asks_who_is_there(unknown: httpx.Client) -> None:
    assert len(PAGES) > 20
    assert {(e.method, e.path) for e in PAGES if e.scope is None} == OPEN_TO_ALL
    for page in PAGES:
        if page.scope is None:
            continue
        answer = unknown.request(page.method, filled(page))
        assert answer.status_code == 303, page.path
        assert answer.headers["location"].startswith("/console/login?next="), page.path
        program = unknown.request(page.method, filled(page), headers={"accept": "*/*"})
        assert program.status_code == 401, page.path


def test_no_route_stands_beside_the_list_that_is_walked() -> None:
    app = application(lambda _: nullcontext())
    paths = {route.path for route in app.routes if isinstance(route, Route)}
    assert paths - {endpoint.path for endpoint in ENDPOINTS} == {"/{path:path}"}
    others = {route.path for route in app.routes if not isinstance(route, Route)}
    assert others == {"/static_content", WEBSOCKET}, "static files, and what asks by itself"


def test_every_route_that_changes_what_answers_asks_who_is_there(unknown: httpx.Client) -> None:
    assert len(TRAINING) >= 4
    for route in TRAINING:
        answer = unknown.request(route.method, filled(route), json={})
        assert answer.status_code == 401, route.path
        problem = answer.json()
        assert "runlore keys create NAME --scope train" in problem["detail"]
        assert "runlore login" in problem["detail"]
        challenge = answer.headers["www-authenticate"]
        assert challenge == 'Bearer realm="runlore", Basic realm="runlore", charset="UTF-8"'


def test_what_predicts_records_and_reads_stays_open_on_loopback(unknown: httpx.Client) -> None:
    work = {"actor": "ann", "kind": "build", "scope": "web", "inputs": {"nodes": 4}}
    assert unknown.post("/predict/failure-risk", json=work).status_code == 200
    assert unknown.get("/alerts").status_code == 200
    assert unknown.get("/metrics").status_code == 200


def test_the_document_says_what_is_open(unknown: httpx.Client) -> None:
    paths = unknown.get("/openapi.json").json()["paths"]
    for route in TRAINING:
        operation = paths[route.documented_path][route.method.lower()]
        assert operation["security"] == [
            {"bearer": ["train"]},
            {"header": ["train"]},
            {"login": []},
        ]
        assert "401" in operation["responses"]
    assert {} in paths["/predict/failure-risk"]["post"]["security"]


def test_a_key_or_the_login_opens_the_routes_of_trainings(
    unknown: httpx.Client, make_key: MakeKey, short_tmp: Path
) -> None:
    reader, trainer = make_key("read"), make_key("train", name="bob")
    for key in (reader, trainer):
        await_key(unknown, key)
    login = read_login(short_tmp)
    statuses = {
        401: [{}, basic(login.user, "wrong"), basic("other", login.password), basic("", "")],
        403: [{"x-api-key": reader}],
        422: [{"x-api-key": trainer}, basic(login.user, login.password)],
    }
    for status, sent in statuses.items():
        for headers in sent:
            assert unknown.post(UNDO, json={}, headers=headers).status_code == status, headers
    broken = [(b"authorization", b"Basic \xe9\xe9")]
    assert unknown.post(UNDO, json={}, headers=broken).status_code == 401


def test_a_browser_that_remembers_the_login_obeys_no_other_site(
    unknown: httpx.Client, short_tmp: Path
) -> None:
    login = read_login(short_tmp)
    remembered = basic(login.user, login.password)
    for headers in (AWAY, {"origin": "null"}, {"host": "evil.example"}):
        assert unknown.post(UNDO, json={}, headers=remembered | headers).status_code == 403


def test_the_login_is_no_key_where_none_is_needed(unknown: httpx.Client, short_tmp: Path) -> None:
    """A proxy's own login is not ours: it is neither judged nor on record."""
    sent = basic("of", "a proxy")
    for _ in range(failed_sign_ins.MAX_FAILURES + 1):
        assert unknown.get("/alerts", headers=sent).status_code == 200


def test_the_password_opens_all_pages_under_the_name_of_the_login(
    signed_in: httpx.Client, world: Store
) -> None:
    page = signed_in.get("/").text
    assert 'class="who" title="runlore">runlore<' in page
    assert "Your name" not in page
    alert = handling.overview(world, handling.AlertQuery(), instants.now()).alerts[0].alert.id
    form = {"form_token": form_token(page), "reason": "seen", "actor": "mallory"}
    path = f"/console/alerts/{alert}/acknowledge"
    assert signed_in.post(path, data=form).status_code == 303
    view = handling.show(world, alert, instants.now())
    assert view.alert.acknowledged_by == "runlore"


def test_a_session_ends_when_the_login_changes(signed_in: httpx.Client, short_tmp: Path) -> None:
    assert signed_in.get("/").status_code == 200
    file = login_file(short_tmp)
    old = file.read_text()
    file.unlink()
    assert signed_in.get("/").status_code == 303
    file.write_text("runlore:another\n")
    file.chmod(0o600)
    assert signed_in.get("/").status_code == 303
    file.write_text(old)
    assert signed_in.get("/").status_code == 200, "it is of the login, not of the file"


def test_a_login_that_others_may_read_is_not_used(unknown: httpx.Client, short_tmp: Path) -> None:
    login = read_login(short_tmp)
    login_file(short_tmp).chmod(0o644)
    sent = basic(login.user, login.password)
    answer = unknown.post(UNDO, json={}, headers=sent)
    assert (answer.status_code, "runlore login" in answer.json()["detail"]) == (503, True)


def test_who_fails_too_often_waits(unknown: httpx.Client, short_tmp: Path) -> None:
    login = read_login(short_tmp)
    for _ in range(failed_sign_ins.MAX_FAILURES):
        assert log_in(unknown, "wrong").status_code == 401
    refused = log_in(unknown, login.password)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert "runlore console" in refused.text
    right = basic(login.user, login.password)
    assert unknown.post(UNDO, json={}, headers=right).status_code == 429


def test_failures_are_of_an_address_and_of_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(failed_sign_ins, "monotonic", lambda: now)
    monkeypatch.setattr(failed_sign_ins, "MAX_ADDRESSES", 3)
    failures = failed_sign_ins.FailedSignIns(limit=2)
    for address in ("a", "a", "b", "c", "d", "e"):
        failures.check(address)
        failures.add(address)
    for address in ("a", "d", "f"):  # those that came when memory was full share a budget
        with pytest.raises(failed_sign_ins.TooMany):
            failures.check(address)
    failures.check("b")
    now += failed_sign_ins.MINUTE_S
    for address in ("a", "d"):
        failures.check(address)
    failures.add("g")
    assert len(failures._minutes) == 1, "minutes that are over are forgotten"


def test_the_sign_in_obeys_no_other_site(unknown: httpx.Client, short_tmp: Path) -> None:
    page = unknown.get("/console/login").text
    assert "aria-current" not in page, "it is none of the pages, nor below /console/log"
    form = {"form_token": form_token(page), "key": read_login(short_tmp).password, "next": "/"}
    for headers in (AWAY, {"origin": "null"}, {"host": "evil.example"}):
        refused = unknown.post("/console/login", data=form, headers=headers)
        assert refused.status_code == 403, headers
        assert COOKIE not in refused.cookies


@pytest.mark.skipif(
    os.geteuid() != 0 or which("curl") is None, reason="becomes another account, which runs curl"
)
def test_another_account_of_the_host_gets_in_nowhere(
    unknown: httpx.Client, short_tmp: Path
) -> None:
    read_login(short_tmp)
    script = """
        cat "$1" 2>&1 >/dev/null | grep -o 'Permission denied'
        for path in / /console/log; do curl -s -o /dev/null -w '%{http_code} ' "$0$path"; done
        curl -s -o /dev/null -w '%{http_code}' -X POST -H 'content-type: application/json' \
            -d '{"actor": "me", "because": "x"}' "$0/ingests/1/undo"
    """
    words = ("sh", "-c", script, str(unknown.base_url).rstrip("/"), str(login_file(short_tmp)))
    done = subprocess.run(words, user=65534, capture_output=True, text=True, cwd="/", check=True)
    assert done.stdout == "Permission denied\n401 401 401"


def test_a_service_that_asks_nobody_has_no_sign_in(console: httpx.Client) -> None:
    assert console.get("/console/login").headers["location"] == "/"
    assert "Your name" in console.get("/").text


def test_a_bento_without_a_database_leads_to_its_routes(serve: Serve, serving: Serving) -> None:
    alone = Serving(serving.names, live=serving.live, is_standalone=True)
    client = serve(alone, api_keys="required", api_key="a long word")
    for path in ("/", "/console/login", "/console/alerts"):
        answer = client.get(path, headers=BROWSER)
        assert answer.status_code == 303, path
    assert client.get("/", headers=BROWSER).headers["location"] == "/docs"
    assert client.post(UNDO, json={}).status_code == 401
    assert "login" not in client.get("/openapi.json").json()["components"]["securitySchemes"]
