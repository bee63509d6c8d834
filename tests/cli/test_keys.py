"""`runlore keys`: made, listed, rotated and revoked; the secret is printed once."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from runlore.cli import app
from runlore.kernel import instants
from runlore.kernel.errors import BadInput, Misconfigured, NotFound, Refused
from runlore.serving.actions.api_keys import check
from runlore.serving.queries import api_keys
from runlore.settings import Settings
from runlore.store.engine import Store

NAMES = ("create", "rotate", "list", "revoke")


@pytest.fixture(autouse=True)
def _on_this_database(store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["keys", *arguments])


def told(*arguments: str) -> dict:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_a_key_is_shown_once_and_works(store: Store) -> None:
    scopes = ("--scope", "predict", "--scope", "record")
    result = run("create", "ci", *scopes, "--expires-days", "90")
    assert result.exit_code == 0, result.output
    line, key = result.output.splitlines()
    assert "of ci for predict, record, until 20" in line
    found = check({each.id: each for each in api_keys.every(store)}, key, instants.now())
    assert found is not None
    assert found.expires_at is not None
    assert round((found.expires_at - found.created_at).total_seconds()) == 90 * 86_400
    listed = run("list")
    assert found.id in listed.output
    assert key.split("_")[2] not in listed.output + run("list", "--json").output


def test_machines_get_the_same_as_json() -> None:
    made = told("create", "ci", "--scope", "read")
    assert made["key"].startswith(f"rl_{made['id']}_")
    assert (made["scopes"], made["state"], made["expires_at"]) == (["read"], "live", None)
    del made["key"]
    assert told("list") == {"keys": [made]}


def test_a_key_is_replaced_by_a_second_one_and_then_revoked() -> None:
    old = told("create", "ci", "--scope", "predict")
    new = told("rotate", old["id"], "--expires-days", "30")
    assert (new["name"], new["scopes"]) == ("ci", ["predict"])
    assert isinstance(run("create", "ci", "--scope", "read").exception, Refused)
    gone = run("revoke", old["id"])
    assert f"key {old['id']} of ci is revoked since 20" in gone.output
    states = {each["id"]: each["state"] for each in told("list")["keys"]}
    assert states == {old["id"]: "revoked", new["id"]: "live"}
    assert told("revoke", new["id"])["state"] == "revoked"


def test_an_empty_list_says_how_to_make_one() -> None:
    assert "runlore keys create NAME --scope predict" in run("list").output
    assert told("list") == {"keys": []}


def test_an_unknown_scope_or_id_is_refused() -> None:
    assert isinstance(run("create", "ci", "--scope", "write").exception, BadInput)
    assert run("create", "ci").exit_code == 2
    assert isinstance(run("revoke", "0000000000").exception, NotFound)


@pytest.mark.parametrize("name", NAMES)
def test_each_has_help_with_an_example(name: str) -> None:
    assert f"Example: runlore keys {name}" in " ".join(run(name, "--help").output.split())


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3"])  # noqa: S104
def test_serve_tells_the_service_the_address_that_it_is_bound_to(
    host: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # the command changes the folder; this brings it back
    seen: list[dict[str, str]] = []
    monkeypatch.setattr(os, "execve", lambda _path, _words, environment: seen.append(environment))
    assert CliRunner().invoke(app, ["serve", "--host", host]).exit_code == 0
    assert [each["RUNLORE_HOST"] for each in seen] == [host]


def test_serve_refuses_an_address_of_the_database_that_it_cannot_follow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("it was started"))
    monkeypatch.setenv("RUNLORE_DATABASE_URL", "postgresql://host/things?channel_binding=require")
    refused = CliRunner().invoke(app, ["serve"]).exception
    assert isinstance(refused, Misconfigured)
    assert "'channel_binding'" in str(refused)
