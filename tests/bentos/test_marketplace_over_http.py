"""The marketplace over HTTP, in the spec's words, and from the command line."""

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.cli import app
from runlore.store.engine import Store
from tests.bentos.conftest import Serve
from tests.marketplace.packed import CODE, packed

SPEC = "/api/v1/multi-agent/marketplace"
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def client(serve: Serve, serving: Serving) -> httpx.Client:
    return serve(serving, api_keys="off")


def answer(client: httpx.Client, method: str, path: str, status: int, body: Any = None) -> Any:
    found = client.request(method, path, json=body)
    assert found.status_code == status, found.text
    return found.json()


def upload(archive: bytes) -> dict[str, str]:
    return {"archive": base64.b64encode(archive).decode()}


def test_a_package_goes_through_the_eight_routes_of_the_spec(client: httpx.Client) -> None:
    first = answer(client, "POST", f"{SPEC}/publish", 201, upload(packed()))
    again = answer(client, "POST", f"{SPEC}/publish", 200, upload(packed()))
    assert (first["status"], again["is_new"]) == ("listed", False)
    package = first["package_id"]
    [row] = answer(client, "GET", f"{SPEC}/search?query=post&free_only=true&publisher=acme", 200)[
        "agents"
    ]
    assert (row["agent_id"], row["rating"], row["download_count"]) == (package, None, 0)
    detail = answer(client, "GET", f"{SPEC}/agents/{package}", 200)
    assert detail["manifest"]["files"]["agent.wasm"]["bytes"] == len(CODE)
    made = answer(client, "POST", f"{SPEC}/install/{package}", 201, {"custom_name": "mine"})
    agent = made["installed"]["agent_id"]
    assert answer(client, "GET", f"/agents/{agent}", 200)["plugin_author"] == "acme"
    assert "installed already" in answer(client, "POST", f"{SPEC}/install/{package}", 409)["detail"]
    for change in ({"capabilities": ["all"]}, {"version": "9.0.0"}, {"agent_type": "reviewer"}):
        detail = answer(client, "PATCH", f"/agents/{agent}", 409, change)["detail"]
        assert "its package decides" in detail
    renamed = {"agent_name": "ours", "max_concurrent_tasks": 2, "capabilities": ["text", "text"]}
    assert answer(client, "PATCH", f"/agents/{agent}", 200, renamed)["agent_name"] == "ours"
    creep = packed(version="1.1.0", permissions=["net:evil.example"], changelog="Fixes")
    answer(client, "POST", f"{SPEC}/publish", 201, upload(creep))
    found = answer(client, "GET", f"{SPEC}/updates/{agent}", 200)
    assert (found["latest_version"], found["difference"]["asks"]) == ("1.1.0", ["net:evil.example"])
    way = f"/marketplace/installed/{agent}/update"
    assert "asks for more" in answer(client, "POST", way, 409)["detail"]
    accepted = answer(client, "POST", way, 200, {"accept": ["net:evil.example"]})
    assert accepted["version"] == "1.1.0"
    [listed] = answer(client, "GET", f"{SPEC}/installed", 200)["agents"]
    assert (listed["agent_id"], listed["version"]) == (agent, "1.1.0")
    totals = answer(client, "GET", f"{SPEC}/stats", 200)
    assert (totals["total_agents"], totals["total_downloads"]) == (6, 1)
    assert "uninstall" in answer(client, "DELETE", f"/agents/{agent}", 409)["detail"]
    answer(client, "DELETE", f"{SPEC}/uninstall/{agent}", 200)
    answer(client, "DELETE", f"{SPEC}/uninstall/{agent}", 404)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("GET", "/search?sort_by=stars", None, 422, "sort_by"),
        ("GET", "/search?min_rating=nan", None, 422, "min_rating"),
        ("GET", "/search?agent_type=robot", None, 422, "agent_type"),
        ("GET", "/search?offset=-1", None, 422, "offset"),
        ("GET", f"/agents/{NOBODY}", None, 404, "no package"),
        ("GET", f"/updates/{NOBODY}", None, 404, "not installed"),
        ("POST", f"/install/{NOBODY}", {"custom_name": "a\x00b"}, 422, "custom_name"),
        ("POST", f"/install/{NOBODY}", {"rating": 5}, 422, "rating"),
        ("POST", "/publish", {"archive": "////"}, 422, "zip"),
        ("POST", "/publish", {"archive": "UEsDB"}, 422, "base64"),
        ("POST", "/publish", upload(packed()) | {"downloads": 1250}, 422, "downloads"),
    ],
)
def test_bad_input_is_refused_and_named(
    client: httpx.Client, method: str, path: str, body: Any, status: int, words: str
) -> None:
    assert words in json.dumps(answer(client, method, f"{SPEC}{path}", status, body))


def test_a_publisher_works_from_the_command_line(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    folder = tmp_path / "agent"
    folder.mkdir()
    (folder / "agent.wasm").write_bytes(CODE)
    draft = {
        "name": "post-writer",
        "publisher": "acme",
        "version": "1.0.0",
        "form": "wasm",
        "entry": "agent.wasm",
        "card": {"title": "PostWriter", "description": "Writes posts"},
    }
    old, new, archive = (str(tmp_path / name) for name in ("old", "new", "a.zip"))

    def run(*words: str, code: int = 0) -> Any:
        found = CliRunner().invoke(app, ["marketplace", *words, "--json"])
        assert found.exit_code == code, found.output
        return json.loads(found.stdout) if code == 0 else str(found.exception)

    def pack(version: str, key: str) -> None:
        (folder / "manifest.json").write_text(json.dumps(draft | {"version": version}, indent=1))
        run("pack", str(folder), "--key", key, "--out", archive)

    assert len(run("key", old)["public_key"]) == 64
    run("key", new)
    assert "choose another" in run("key", old, code=1)
    pack("1.0.0", old)
    assert run("verify", archive)["manifest"]["files"]["agent.wasm"]["bytes"] == len(CODE)
    assert run("publish", archive)["status"] == "listed"
    agent = run("install", "post-writer", "--name", "mine")["agent_id"]
    run("rotate", "acme", "--key", old, "--new-key", new)
    pack("1.1.0", old)
    assert "retired key" in run("publish", archive, code=1)
    pack("1.1.0", new)
    run("publish", archive)
    assert run("updates", agent)["stopped"] == []
    assert run("update", agent)["version"] == "1.1.0"
    assert run("search", "postwriter")["total"] == 1
    assert run("stats")["downloads"] == 1
    assert run("show", "post-writer")["versions"][0]["version"] == "1.1.0"
    assert run("uninstall", agent)["agent_name"] == "mine"
    assert run("installed")["installed"] == []
    run("withdraw", "post-writer", "--reason", "test")
    assert run("held")["packages"] == []
    assert CliRunner().invoke(app, ["marketplace", "search"]).exit_code == 0
