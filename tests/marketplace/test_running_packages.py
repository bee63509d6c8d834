"""Installed packages do tasks: Runlore's own, and components within their permissions."""

import json
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from runlore.agents.actions.registering import find_agent
from runlore.agents.actions.task_steps import create_task, find_task, tell_task
from runlore.agents.rules.task import NewTask
from runlore.cli import app
from runlore.kernel import instants
from runlore.marketplace.actions.catalog import find_package, package_id_of
from runlore.marketplace.actions.installing import install, list_installed
from runlore.marketplace.actions.publishing import publish
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.agents.components import CLOCK, ECHO, GROW, LARGE, LOG, LOOP, component
from tests.marketplace.packed import packed

FILES = '(import "wasi:filesystem/preopens@0.2.0" (instance (export "x" (func))))'
NETWORK = '(import "wasi:sockets/tcp@0.2.0" (instance (export "x" (func))))'
ENVIRONMENT = '(import "wasi:cli/environment@0.2.0" (instance (export "x" (func))))'
HOSTILE = {
    "endless-loop": (component(LOOP), "fuel"),
    "memory-bomb": (component(GROW), "bytes of memory"),
    "file-reader": (component(ECHO, FILES), "no files"),
    "net-caller": (component(ECHO, NETWORK), "network"),
    "env-reader": (component(ECHO, ENVIRONMENT), "environment"),
    "big-answer": (component(LARGE), "output: 600,000 bytes"),
    "clock-thief": (CLOCK, "its permissions do not name"),
}


def add_package(store: Store, name: str, code: bytes, **changes: Any) -> UUID:
    skills = [{"id": f"do-{name}", "name": "Do it"}]
    card = {"title": name, "skills": skills}
    publish(store, packed(name, code=code, card=card, **changes))
    return package_id_of(store, name)


def add_task(store: Store, task_type: str, given: dict[str, Any]) -> UUID:
    task = NewTask(task_type, "Try it", input=given)
    return create_task(store, task, instants.now()).task.id


def run_agents(*names: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["agents", "run", *names, "--until-idle", "--json"])
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


@pytest.fixture
def home(store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    return store


def test_components_do_tasks_and_hostile_ones_are_stopped_with_a_reason(home: Store) -> None:
    install(home, add_package(home, "echo", component(ECHO)))
    install(home, add_package(home, "teller", CLOCK, permissions=["clock"]))
    row = install(home, add_package(home, "logger", LOG, permissions=["log"]))
    ids = {}
    for name, (code, _) in HOSTILE.items():
        install(home, add_package(home, name, code, limits={"fuel": 5_000_000}))
        ids[name] = add_task(home, f"do-{name}", {})
    echo, teller = (add_task(home, f"do-{one}", {"n": 1}) for one in ("echo", "teller"))
    logged = add_task(home, "do-logger", {})
    assert run_agents() == {"completed": 3, "failed": len(HOSTILE), "lost": 0}
    for name, (_, reason) in HOSTILE.items():
        task = find_task(home, ids[name])
        assert (task.status, task.attempts) == ("failed", 1)
        assert reason in str(task.failure), name
    expected = {"task_type": "do-echo", "task_name": "Try it", "input": {"n": 1}}
    assert find_task(home, echo).output == expected
    assert find_task(home, teller).status == "completed"
    [line] = [one for one in tell_task(home, logged).events if one.event == "log"]
    assert '"task_type": "do-logger"' in line.detail
    assert find_agent(home, row.agent_id).tasks_completed == 1


def test_runlores_own_packages_begin_at_nothing_and_are_installed_when_they_run(
    home: Store,
) -> None:
    task = add_task(home, "content_review", {"text": "Tea is good"})
    package_id = package_id_of(home, "quality-reviewer-ai")
    detail = find_package(home, package_id)
    assert (detail.package.downloads, detail.package.rating) == (0, None)
    assert run_agents("QualityReviewerAI")["completed"] == 1
    assert run_agents("quality-reviewer-ai")["completed"] == 0
    assert [one.package for one in list_installed(home)] == ["quality-reviewer-ai"]
    assert find_task(home, task).output["passes"]
    install(home, package_id, "My reviewer")
    again = add_task(home, "content_review", {"text": "The best"})
    assert run_agents("My reviewer")["completed"] == 1
    assert not find_task(home, again).output["passes"]
    bad = CliRunner().invoke(app, ["agents", "run", "nobody", "--until-idle"])
    assert bad.exit_code == 1
    assert "'nobody' is not installed" in str(bad.exception)
