"""Projects of the log that are alike: by command, by HTTP, and in the words of Agent Zero."""

import json

import pytest
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.cli import app
from runlore.kernel.errors import BadInput, NotFound
from runlore.planning.actions.projects import find_similar, make_project_cache, map_projects
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.planning.project_log import HOUR, NOW, START, Run, runs_of_sort, write_project

__all__ = ["serve"]

SECRET = "zanzibar"


@pytest.fixture
def log(store: Store) -> Store:
    """Three sites, two labs, and one project with a single run."""
    for seed in range(3):
        write_project(store, f"site-{seed}", runs_of_sort("site", 40, seed))
    for seed in range(2):
        write_project(store, f"lab-{seed}", runs_of_sort("lab", 40, seed))
    note = f"please move {SECRET} to another room today"
    write_project(store, "team/new", [Run("build", {"note": note})])
    return store


def test_command_http_and_dialect_say_the_same(
    log: Store, settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", log.url)
    done = CliRunner().invoke(app, ["plan", "similar", "site-0", "--limit", "3", "--json"])
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    names = [one["project"] for one in shown["similar"]]
    assert set(names[:2]) == {"site-1", "site-2"}
    first, last = shown["similar"][0], shown["similar"][2]
    parts = {part["part"]: part["likeness"] for part in first["parts"]}
    assert first["likeness"] > 0.7 > last["likeness"]
    assert parts["words"] is None, "no input of theirs is a text"
    assert min(parts["kinds"], parts["durations"], parts["failures"], parts["costs"]) > 0.5
    assert (shown["category"], shown["compared"]) == (first["category"], 5)

    service = serve(Serving((), store=log, live={}))
    answer = service.get("/projects/similar?project=site-0&limit=3")
    assert answer.status_code == 200, answer.text
    assert answer.json()["similar"] == shown["similar"]
    told = service.post("/api/v3/project-similarity", json={"project": "site-0", "limit": 3})
    assert [one["project"] for one in told.json()["similar_projects"]] == names
    assert told.json()["similar_projects"][0]["metrics"] == parts
    asked = service.get("/api/v3/project-similarity?project=site-0&limit=3")
    assert asked.json() == told.json()
    pair = service.post("/api/v3/project-similarity", json={"project": "site-0", "other": "lab-1"})
    assert [one["project"] for one in pair.json()["similar_projects"]] == ["lab-1"]

    projects = service.get("/projects").json()
    assert len(projects["projects"]) == 6
    assert SECRET not in json.dumps(projects) + answer.text
    members = {project for one in projects["categories"] for project in one["projects"]}
    assert "team/new" not in members, "nothing is known of it yet"
    table = CliRunner().invoke(app, ["plan", "similar", "site-0"])
    assert "unknown" in table.output
    assert CliRunner().invoke(app, ["plan", "projects"]).exit_code == 0


def test_only_what_was_known_then_counts(log: Store) -> None:
    early = map_projects(log, START + 5 * HOUR)
    assert early.profiles.rows.max() <= 5
    later = map_projects(log, NOW)
    assert later.profiles.rows.sum() == 5 * 40 + 1
    assert "exit_code" not in later.profiles.number_names, "it is measured afterwards"
    assert later.profiles.number_names == ("size",)


def test_what_was_read_is_kept_for_ten_minutes(log: Store) -> None:
    cache = make_project_cache()
    first = cache.get(log, NOW)
    assert cache.get(log, NOW + 9 * HOUR / 60) is first
    assert cache.get(log, NOW + 10 * HOUR / 60) is first  # while it is read again
    cache.wait()
    assert cache.get(log, NOW + 10 * HOUR / 60) is not first


def test_bad_requests_are_refused_by_name(
    log: Store, settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = serve(Serving((), store=log, live={}))
    for path, status, field in [
        ("/projects/similar", 422, "project"),
        ("/projects/similar?project=site-0&limit=0", 422, "limit"),
        ("/projects/similar?project=site-0&as_of=soon", 422, "as_of"),
        ("/projects/similar?project=a%00b", 422, "project"),
        ("/projects/similar?project=nope", 404, None),
        ("/api/v3/project-similarity?project=site-0&colour=1", 422, "colour"),
    ]:
        refused = service.get(path)
        assert (refused.status_code, refused.json().get("field")) == (status, field), refused.text
    body = {"project": "site-0", "other": "nope"}
    assert service.post("/api/v3/project-similarity", json=body).status_code == 404
    monkeypatch.setenv("RUNLORE_DATABASE_URL", log.url)
    assert CliRunner().invoke(app, ["plan", "similar", "nope"]).exit_code != 0
    projects = map_projects(log, NOW)
    with pytest.raises(NotFound, match="site-0"):
        find_similar(projects, "nope", 3)
    with pytest.raises(BadInput):
        find_similar(projects, "site-0", 0)


def test_an_empty_log_has_no_projects(
    store: Store, settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = serve(Serving((), store=store, live={}))
    assert service.get("/projects").json()["projects"] == []
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    assert "no projects" in CliRunner().invoke(app, ["plan", "projects"]).output
