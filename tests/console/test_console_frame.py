"""The frame of the console: what each page has, the login, forms, and what is refused."""

import html
import re
import subprocess
import sys
import time

import httpx
import pytest
from sqlalchemy import select

from bentos.access.sessions import COOKIE
from bentos.console.frame import rendering
from bentos.console.frame.assets import LIBRARY, address
from bentos.console.frame.discovery import find_pages
from bentos.predict.live_versions import Serving
from runlore.alerts.actions import handling
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.kernel import instants
from runlore.serving.actions import api_keys
from runlore.store.engine import Store
from runlore.store.schema import anomalies
from tests.bentos.conftest import Serve
from tests.console.conftest import BROWSER, MakeKey, form_token, log_in

LARGEST = 300_000  # bytes of a page, without the charts' library
SCRIPT = "<script>alert(1)</script>"
ATTRIBUTE = "\"'><img src=x onerror=alert(1)>"
NOT_FOUND = "/console/nothing-here"


def crawl(client: httpx.Client, start: str = "/") -> dict[str, httpx.Response]:
    """All pages that links lead to, from one page on."""
    waiting, seen = [start], {}
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen[path] = client.get(path)
        waiting += [seen[path].headers["location"]] if seen[path].is_redirect else []
        if is_html(seen[path]) and (path == "/" or path.startswith("/console")):
            page = own(seen[path].text)
            found = re.findall(r'(?:href|src|data-library)="([^"]*)"', page)
            links = [html.unescape(link) for link in found if not link.startswith("#")]
            waiting += [link.partition("#")[0] for link in links]
    return seen


def own(page: str) -> str:
    """A page without its links to other services, which nothing loads."""
    return re.sub(r'<a class="elsewhere" href="[^"]*"', "<a", page)


def pages(seen: dict[str, httpx.Response]) -> dict[str, httpx.Response]:
    is_ours = {path for path in seen if path == "/" or path.startswith("/console/")}
    return {path: seen[path] for path in sorted(is_ours) if is_html(seen[path])}


def is_html(answer: httpx.Response) -> bool:
    return answer.headers.get("content-type", "").startswith("text/html")


def test_every_link_of_every_page_answers_and_stays_on_this_host(console: httpx.Client) -> None:
    seen = crawl(console)
    assert {page.path for page in find_pages() if page.is_listed} <= set(seen)
    assert {
        path: r.status_code for path, r in seen.items() if r.status_code not in (200, 303)
    } == {}
    assert [path for path in seen if not path.startswith("/") or path.startswith("//")] == []


def test_every_page_is_small_and_strict_and_complete(console: httpx.Client) -> None:
    for path, page in pages(crawl(console)).items():
        assert len(page.content) < LARGEST, path
        policy = page.headers["content-security-policy"]
        assert "script-src 'self';" in policy, path
        assert "unsafe-eval" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "same-origin"
        text = own(page.text)
        assert "http:" not in text, path
        assert "https:" not in text, path
        assert re.findall(r"<script(?![^>]*(?:src=|application/json))", text) == []
        assert re.findall(r"\son\w+=|style=|javascript:", text) == []
        assert text.count("<h1") == 1, path
        assert '<html lang="en"' in text
        assert 'class="skip"' in text
        assert_labelled(path, text)


def assert_labelled(path: str, text: str) -> None:
    """Every field has a label: around it, or by its id."""
    for field in re.findall(r"<(?:input|select|textarea)\b[^>]*>", text):
        if 'type="hidden"' in field:
            continue
        found = re.search(r'id="([^"]+)"', field)
        around = re.search(rf"<label[^>]*>[^<]*{re.escape(field)}", text)
        assert around or (found and f'for="{found[1]}"' in text), (path, field)


def test_static_files_are_kept_by_browsers_under_their_digest(console: httpx.Client) -> None:
    for name in ("console.css", "console.js", "icon.svg", LIBRARY):
        answer = console.get(address(name))
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "gzip"
        old = console.get(re.sub(r"/static/[^/]+", "/static/0000", address(name)))
        assert old.headers["cache-control"] == "no-cache"
    assert console.get("/console/static/0/passwd").status_code == 404


def test_the_library_is_not_loaded_when_the_service_starts() -> None:
    """Nor is anything else that is heavy and that predictions do not need."""
    script = (
        "import sys; from bentos.console.frame.discovery import find_pages; find_pages();"
        "from bentos.console.frame.assets import address; address('plotly.min.js');"
        "print(' '.join({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    heavy = {"plotly", "mlflow", "prefect", "evidently", "sklearn", "xgboost", "matplotlib"}
    assert heavy & set(done.stdout.split()) == set()


def test_what_people_wrote_comes_out_escaped(console: httpx.Client, world: Store) -> None:
    finding = AlertFinding(
        f"kind {SCRIPT}", f"subject {ATTRIBUTE}", Severity.WARNING, SCRIPT, "certain", ATTRIBUTE
    )
    with world.begin() as connection:
        handling.raise_alert(connection, finding, instants.now())
    for path, page in pages(crawl(console)).items():
        assert "<script>alert" not in page.text, path
        assert "<img src=x" not in page.text, path
    assert "&lt;script&gt;alert(1)" in console.get("/").text


def test_templates_escape_and_know_no_missing_names() -> None:
    environment = rendering.environment()
    assert environment.autoescape is True
    assert len(rendering.template_names()) >= 5
    for name in rendering.template_names():
        environment.get_template(name)
        source = (rendering.FOLDER / name).read_text(encoding="utf-8")
        assert "| safe" not in source, name
        assert "autoescape" not in source, name


def test_an_unknown_page_is_a_page_for_browsers_and_json_for_others(console: httpx.Client) -> None:
    page = console.get("/nowhere")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such thing" in page.text
    other = console.get("/nowhere", headers={"accept": "application/json"})
    assert other.headers["content-type"] == "application/problem+json"
    wrong = console.get("/console/specs/<b>no-spec</b>")
    assert wrong.status_code == 404
    assert "<b>no-spec" not in wrong.text


def test_a_fault_is_a_page_without_its_details(console: httpx.Client, serving: Serving) -> None:
    serving.live = {"failure-risk": 7}
    page = console.get("/")
    assert page.status_code == 500
    assert "AttributeError" not in page.text
    assert page.headers["x-request-id"] in page.text


def test_without_a_key_a_page_leads_to_the_login_and_back(
    locked: httpx.Client, make_key: MakeKey
) -> None:
    refused = locked.get("/?some=thing")
    assert (refused.status_code, refused.headers["location"]) == (
        303,
        "/console/login?next=/%3Fsome%3Dthing",
    )
    assert locked.get("/", headers={"accept": "application/json"}).status_code == 401
    key = make_key("read")
    answer = log_in(locked, key, "/?some=thing")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?some=thing")
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=lax", "Max-Age=28800"))
    assert key.rpartition("_")[2] not in cookie
    assert "Secure" not in cookie
    assert locked.get("/").status_code == 200
    assert "ann" in locked.get("/").text


def test_behind_https_the_cookie_is_for_https_alone(
    locked: httpx.Client, make_key: MakeKey
) -> None:
    locked.headers["x-forwarded-proto"] = "https"
    assert "Secure" in log_in(locked, make_key("read")).headers["set-cookie"]


def test_a_session_opens_pages_and_nothing_else(locked: httpx.Client, make_key: MakeKey) -> None:
    log_in(locked, make_key("admin"))
    assert locked.get("/").status_code == 200
    for path in ("/alerts", "/metrics", "/ingests"):
        assert locked.get(path).status_code == 401, path


def test_a_wrong_key_gets_no_session_and_is_not_repeated(locked: httpx.Client) -> None:
    token = form_token(locked.get("/console/login").text)
    form = {"form_token": token, "key": f"rl_x_{SCRIPT}", "next": "/"}
    answer = locked.post("/console/login", data=form)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "alert(1)" not in answer.text


def test_a_revoked_key_ends_its_sessions(
    locked: httpx.Client, world: Store, make_key: MakeKey
) -> None:
    key = make_key("read")
    log_in(locked, key)
    assert locked.get("/").status_code == 200
    api_keys.revoke(world, api_keys.parts(key)[0], instants.now())
    until = time.monotonic() + 60
    while locked.get("/").status_code == 200:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert locked.get("/").headers["location"].startswith("/console/login")


def test_another_worker_of_the_home_knows_the_session(
    locked: httpx.Client, serve: Serve, serving: Serving, make_key: MakeKey, short_tmp: object
) -> None:
    log_in(locked, make_key("read"))
    again = Serving(serving.names, store=serving.store, live=serving.live)
    other = serve(again, home=short_tmp, database_url=serving.store.url, api_keys="required")
    other.headers.update(BROWSER)
    other.cookies.set(COOKIE, locked.cookies[COOKIE])
    until = time.monotonic() + 60
    while other.get("/").status_code != 200:
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("change", ["later", "other key", "cut", "empty", "long"])
def test_a_changed_session_opens_nothing(
    locked: httpx.Client, make_key: MakeKey, change: str
) -> None:
    log_in(locked, make_key("read"))
    other = api_keys.parts(make_key("admin", name="bob"))[0]
    key_id, expires, rest = locked.cookies[COOKIE].split(".", 2)
    forged = {
        "later": f"{key_id}.{int(expires) + 1}.{rest}",
        "other key": f"{other}.{expires}.{rest}",
        "cut": f"{key_id}.{expires}",
        "empty": "...",
        "long": "a" * 5000,
    }[change]
    locked.cookies.clear()
    answer = locked.get("/", headers={"cookie": f"{COOKIE}={forged}"})
    assert answer.headers["location"].startswith("/console/login")


def test_logging_out_ends_the_session(locked: httpx.Client, make_key: MakeKey) -> None:
    log_in(locked, make_key("read"))
    token = form_token(locked.get("/").text)
    assert locked.post("/console/logout", data={"form_token": token}).status_code == 303
    assert COOKIE not in locked.cookies
    assert locked.get("/").status_code == 303


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_the_login_leads_nowhere_else(locked: httpx.Client, make_key: MakeKey, target: str) -> None:
    assert log_in(locked, make_key("read"), target).headers["location"] == "/"


def alert_of(store: Store) -> int:
    with store.begin() as connection:
        return connection.scalar(select(anomalies.c.id).order_by(anomalies.c.id).limit(1))


def test_an_alert_is_acknowledged_by_name_and_reason(console: httpx.Client, world: Store) -> None:
    number = alert_of(world)
    form = {"form_token": form_token(console.get("/").text), "actor": "zoe", "reason": "I look"}
    answer = console.post(f"/console/alerts/{number}/acknowledge", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    view = handling.show(world, number, instants.now())
    assert (view.alert.acknowledged_by, view.alert.note) == ("zoe", "I look")
    assert f"Alert {number} is acknowledged." in console.get("/").text
    assert "is acknowledged." not in console.get("/").text, "a notice is shown once"


def test_a_form_needs_the_token_of_its_page(console: httpx.Client, world: Store) -> None:
    path = f"/console/alerts/{alert_of(world)}/acknowledge"
    form = {"actor": "zoe", "reason": "x"}
    for token in ({}, {"form_token": ""}, {"form_token": "0" * 64}, {"form_token": "ä"}):
        assert console.post(path, data=form | token).status_code == 403
    right = {"form_token": form_token(console.get("/").text)}
    elsewhere = console.post(path, data=form | right, headers={"origin": "http://evil.example"})
    assert elsewhere.status_code == 403
    assert console.post(path, json=form | right).status_code == 400
    assert console.post(path, data=right | {"actor": "zoe"}).status_code == 422
    assert handling.show(world, alert_of(world), instants.now()).alert.acknowledged_at is None


def test_a_session_needs_the_origin_of_its_site_and_its_own_token(
    locked: httpx.Client, world: Store, make_key: MakeKey
) -> None:
    stale = form_token(locked.get("/console/login").text)
    log_in(locked, make_key("read", "record"))
    path = f"/console/alerts/{alert_of(world)}/acknowledge"
    form = {"reason": "x", "form_token": form_token(locked.get("/").text)}
    assert locked.post(path, data=form | {"form_token": stale}).status_code == 403
    away = {"origin": "http://evil.example"}
    assert locked.post(path, data=form, headers=away).status_code == 403
    assert locked.post(path, data=form | {"actor": "mallory"}).status_code == 303
    view = handling.show(world, alert_of(world), instants.now())
    assert view.alert.acknowledged_by == "ann", "the owner of the key, whoever the form says"


def test_a_key_that_may_only_read_sees_no_buttons_and_can_press_none(
    locked: httpx.Client, world: Store, make_key: MakeKey
) -> None:
    log_in(locked, make_key("read"))
    page = locked.get("/").text
    assert "/acknowledge" not in page
    form = {"reason": "x", "form_token": form_token(page)}
    path = f"/console/alerts/{alert_of(world)}/acknowledge"
    refused = locked.post(path, data=form)
    assert refused.status_code == 403
    assert "lacks the scope" in refused.text


def test_a_page_of_another_name_is_refused(signed_in: httpx.Client) -> None:
    assert signed_in.get("/", headers={"host": "evil.example"}).status_code == 403


def test_the_theme_of_the_cookie_is_one_of_two(console: httpx.Client) -> None:
    assert 'data-theme="dark"' in console.get("/", headers={"cookie": "runlore_theme=dark"}).text
    odd = console.get("/", headers={"cookie": 'runlore_theme=x"y'})
    assert "data-theme" not in odd.text


def test_a_service_without_a_database_shows_its_routes(serve: Serve, serving: Serving) -> None:
    alone = Serving(serving.names, live=serving.live, is_standalone=True)
    client = serve(alone)
    assert client.get("/", headers=BROWSER).headers["location"] == "/docs"
