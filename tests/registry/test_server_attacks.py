"""MLflow's server as somebody attacks it: without the login, from foreign pages, and with it."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runlore.settings import Settings
from runlore.stack import Stack, running
from runlore.web.login import login_file, read_login

pytestmark = pytest.mark.slow
API = "/api/2.0/mlflow"
CREATE = f"{API}/experiments/create"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
KINDS = ("application/json", "text/plain", "application/x-www-form-urlencoded")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """MLflow's server as `runlore up` runs it, with a further name."""
    home = Path(tempfile.mkdtemp(prefix="rl-"))
    settings = Settings(home=home, mlflow_tracking_uri=None, allowed_hosts=("ml.example.org",))
    try:
        with running(settings, ("mlflow",), ports="free") as stack:
            yield stack
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def stranger(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.settings.mlflow_url, timeout=60) as client:
        yield client


@pytest.fixture
def friend(stack: Stack) -> Iterator[httpx.Client]:
    login = read_login(stack.settings.home)
    auth = (login.user, login.password)
    with httpx.Client(base_url=stack.settings.mlflow_url, auth=auth, timeout=60) as client:
        yield client


def names(friend: httpx.Client) -> set[str]:
    found = friend.get(f"{API}/experiments/search", params={"max_results": 100}).raise_for_status()
    return {each["name"] for each in found.json()["experiments"]}


def test_without_the_login_nothing_but_the_health_check_answers(
    stack: Stack, stranger: httpx.Client, friend: httpx.Client
) -> None:
    before = names(friend)
    answers = [
        stranger.get("/"),
        stranger.get("/version"),
        stranger.get(f"{API}/experiments/search", params={"max_results": 1}),
        *(
            stranger.post(CREATE, content=b'{"name": "x"}', headers={"content-type": kind})
            for kind in KINDS
        ),
        stranger.put(f"{FILES}/failure-risk/bundle.json", content=b"{}"),
        stranger.get(FILES),
        stranger.post("/graphql", json={"query": "{__typename}"}),
        stranger.get("/", auth=("runlore", "guessed")),
        stranger.get("/", headers={"authorization": "Bearer x"}),
    ]
    assert {each.status_code for each in answers} == {401}
    assert all(each.headers["www-authenticate"].startswith("Basic") for each in answers)
    assert stranger.get("/health").text == "OK"
    assert names(friend) == before
    assert not (stack.settings.artifacts / "failure-risk").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a program as somebody else")
def test_another_local_user_cannot_read_the_login(stack: Stack) -> None:
    reading = subprocess.run(
        ("cat", str(login_file(stack.settings.home))),
        user="nobody",
        group="nogroup",
        extra_groups=[],
        cwd="/",
        capture_output=True,
        check=False,
    )
    assert reading.returncode != 0
    assert reading.stdout == b""


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example:5000"},
        {"host": "evil.example", "origin": "http://evil.example"},
    ],
)
def test_pages_of_other_sites_and_foreign_names_are_refused_even_with_the_login(
    friend: httpx.Client, headers: dict[str, str]
) -> None:
    for kind in KINDS:
        asked = {**headers, "content-type": kind}
        refused = friend.post(CREATE, content=b'{"name": "from a page"}', headers=asked)
        assert refused.status_code == 403
    assert "from a page" not in names(friend)


def test_own_pages_work_under_every_name_that_is_allowed(friend: httpx.Client) -> None:
    own = str(friend.base_url).rstrip("/")
    others = ("https://ml.example.org", "http://192.168.7.7:5000", "http://mlflow:5000")
    for origin in (own, *others[:2]):
        headers = {"origin": origin, "host": origin.partition("://")[2]}
        found = friend.post(CREATE, json={"name": f"by {origin}"}, headers=headers)
        assert found.status_code == 200, found.text


@pytest.mark.parametrize("field", ["artifact_location", "artifactLocation"])
def test_no_spelling_of_a_request_puts_files_outside_of_the_home(
    stack: Stack, friend: httpx.Client, tmp_path: Path, field: str
) -> None:
    above = f"{stack.settings.artifacts}/../victim"
    places = (str(tmp_path), f"file://{tmp_path}", above, "s3://bucket/x", "http://evil.example/x")
    for place in places:
        body: dict[str, Any] = {"name": f"in {place} by {field}", field: place}
        for content in (json.dumps(body), json.dumps(json.dumps(body))):
            for kind in KINDS:
                headers = {"content-type": kind}
                refused = friend.post(CREATE, content=content.encode(), headers=headers)
                assert refused.status_code in (400, 403), refused.text
    assert not [name for name in names(friend) if name.endswith(field)]


def test_files_of_a_run_are_in_the_home(stack: Stack, friend: httpx.Client) -> None:
    roots = {"named": f"{stack.settings.artifacts}/mine", "proxied": "mlflow-artifacts:/mine"}
    for name, place in (*roots.items(), ("none", "")):
        body = {"name": name, "artifact_location": place}
        experiment = friend.post(CREATE, json=body).raise_for_status().json()["experiment_id"]
        made = friend.post(f"{API}/runs/create", json={"experiment_id": experiment})
        info = made.raise_for_status().json()["run"]["info"]
        assert info["artifact_uri"].startswith(roots.get(name, f"{stack.settings.artifacts}/"))
    where = {"run_uuid": info["run_id"], "path": "plot.txt"}
    path = info["artifact_uri"].removeprefix(f"{stack.settings.artifacts}/")
    friend.put(f"{FILES}/{path}/plot.txt", content=b"mine").raise_for_status()
    assert friend.get("/get-artifact", params=where).text == "mine"


def test_a_version_cannot_come_from_outside_of_the_home(
    friend: httpx.Client, tmp_path: Path
) -> None:
    friend.post(f"{API}/registered-models/create", json={"name": "m"}).raise_for_status()
    for source in (str(tmp_path), "s3://bucket/x", "http://evil.example/x", "models:/m/../../x"):
        asked = {"name": "m", "source": source}
        assert friend.post(f"{API}/model-versions/create", json=asked).status_code in (400, 403)


def test_what_makes_the_server_fetch_or_run_something_is_off(friend: httpx.Client) -> None:
    hook = {"name": "h", "url": "http://127.0.0.1:1/", "events": [{"entity": "REGISTERED_MODEL"}]}
    assert friend.post(f"{API}/webhooks", json=hook).status_code == 403
    assert friend.get("/ajax-api/3.0/mlflow/gateway/secrets/list").status_code == 403
    assert friend.post("/ajax-api/3.0/jobs/search", json={}).status_code == 403
    assert friend.post("/v1/traces", content=b"").status_code == 403
    assert friend.get("/ajax-api/2.0/mlflow/gateway-proxy").json() == {"endpoints": []}


def test_paths_do_not_lead_out_of_the_folder_of_files(stack: Stack, friend: httpx.Client) -> None:
    for way in ("%2e%2e/x", "..%2fx", "..%252fx", "a/%2e%2e/%2e%2e/x", "..%5cx"):
        address = httpx.URL(str(friend.base_url), raw_path=f"{FILES}/{way}".encode())
        assert friend.put(address, content=b"x").status_code in (400, 403)
    assert not list(stack.settings.home.rglob("x"))
