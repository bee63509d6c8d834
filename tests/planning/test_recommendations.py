"""Recommendations and borrowed estimates from the log: by command, HTTP, and Agent Zero's words."""

import json
from datetime import timedelta

import numpy as np
import pytest
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.cli import app
from runlore.kernel import instants
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.planning.actions.projects import map_projects
from runlore.planning.actions.recommendations import (
    decide,
    list_recommendations,
    outcomes,
    recommend,
)
from runlore.planning.actions.transfer import borrow
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.planning.project_log import Run, write_project

__all__ = ["serve"]

LONG_AGO, NOW = timedelta(days=30), instants.now()
WHY = {"actor": "ann", "reason": "worth a try"}


def runs_with_cache(number: int, seed: int, *, effect: float, on: float = 0.5) -> list[Run]:
    """Half of the failures of 50 % go with the cache on, where the effect is 0.25."""
    random = np.random.default_rng(seed)
    runs = []
    for _ in range(number):
        has_cache = bool(random.random() < on)
        rate = 0.5 - effect * has_cache
        seconds = float(100 * random.lognormal(0, 0.3))
        inputs = {"cache": has_cache, "exit_code": int(random.random() < 0.5)}
        runs.append(Run("build", inputs, seconds, bool(random.random() < rate)))
    return runs


@pytest.fixture
def log(store: Store) -> Store:
    """Eight projects in which the cache takes failures from 50 to 15 %; `web` never uses it."""
    for seed in range(8):
        runs = runs_with_cache(120, seed, effect=0.35)
        write_project(store, f"p{seed}", runs, NOW - LONG_AGO)
    write_project(store, "web", runs_with_cache(40, 9, effect=0.35, on=0.0), NOW - LONG_AGO)
    return store


def test_what_holds_is_recommended_decided_and_counted(
    log: Store, settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = serve(Serving((), store=log, live={}), api_keys="off")
    answer = service.post("/recommendations", json={"project": "web", "actor": "ann"})
    assert answer.status_code == 200, answer.text
    [one] = answer.json()["recommendations"]
    assert (one["input"], one["value"], one["action"]) == ("cache", "true", "use")
    assert one["low"] < one["effect"] < one["high"] < 0
    assert one["effect"] == pytest.approx(-0.35, abs=0.08)
    assert one["base"] == pytest.approx(0.5, abs=0.08)
    assert (one["projects"], one["share"]) == (8, 0)
    assert "failures" in one["text"]
    again = service.post("/api/v3/learning-recommendations", json={"project": "web"})
    [same] = again.json()["recommendations"]
    assert (same["recommendation_id"], same["status"]) == (one["id"], "open")
    content = service.post("/recommendations", json={"project": "p1", "actor": "ann"}).json()
    [other] = content["recommendations"]

    assert service.post(f"/recommendations/{one['id']}/follow", json=WHY).status_code == 200
    refused = service.post(f"/recommendations/{one['id']}/dismiss", json=WHY)
    assert (refused.status_code, "decided before" in refused.text) == (409, True)
    assert service.post(f"/recommendations/{other['id']}/dismiss", json=WHY).status_code == 200
    gone = service.post("/recommendations", json={"project": "p1", "actor": "ann"}).json()
    assert gone["recommendations"] == []
    assert gone["reason"]

    later = instants.now() + timedelta(minutes=1)
    write_project(log, "web", runs_with_cache(30, 5, effect=0.35, on=1.0), later)
    at = later + timedelta(days=3)
    followed, others = outcomes(log, at)
    assert (followed.recommendations, followed.runs_before, followed.runs_after) == (1, 40, 30)
    assert (followed.with_value_before, followed.with_value_after) == (0, 30)
    assert followed.failed_after / 30 < followed.failed_before / 40
    assert (others.recommendations, others.runs_before, others.runs_after) == (1, 120, 0)
    before = outcomes(log, NOW - timedelta(minutes=1))
    assert [group.recommendations for group in before] == [0, 0]

    page = service.get("/recommendations?project=web").json()
    assert [row["decision"] for row in page["recommendations"]] == ["follow"]
    told = service.get("/api/v3/learning-recommendations").json()
    assert {row["status"] for row in told["recommendations"]} == {"followed", "dismissed"}
    monkeypatch.setenv("RUNLORE_DATABASE_URL", log.url)
    done = CliRunner().invoke(app, ["plan", "recommendations", "--json"])
    assert len(json.loads(done.stdout)["recommendations"]) == 2
    assert CliRunner().invoke(app, ["plan", "recommendations"]).exit_code == 0


def test_without_an_effect_nothing_is_recommended(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(8):
        write_project(store, f"p{seed}", runs_with_cache(80, seed, effect=0.0), NOW - LONG_AGO)
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    done = CliRunner().invoke(app, ["plan", "recommend", "p1"])
    assert (done.exit_code, "none leaves out chance" in done.output) == (0, True)
    projects = map_projects(store, NOW - LONG_AGO + timedelta(hours=5))
    early = recommend(store, projects, "p1", "ann", NOW)
    assert early.reason.startswith("too little is known")
    assert list_recommendations(store, instants.now()) == []


def test_a_new_project_borrows_and_says_how_much(
    log: Store, settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", log.url)
    write_project(log, "new", [Run("build", {}, 90.0)] * 2, NOW - timedelta(days=9))
    done = CliRunner().invoke(app, ["plan", "borrow", "new", "--kind", "build", "--json"])
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert (shown["rows"], shown["is_guess"]) == (2, False)
    assert shown["own"] == pytest.approx(90)
    assert 85 < shown["value"] < 110
    assert shown["quantiles"]["0.1"] < shown["value"] < shown["quantiles"]["0.9"]
    service = serve(Serving((), store=log, live={}))
    answer = service.get("/projects/borrowed?project=new&kind=build")
    assert answer.json()["value"] == pytest.approx(shown["value"])
    guess = service.get("/projects/borrowed?project=none&kind=build&measure=failed").json()
    assert (guess["is_guess"], guess["own"], guess["rows"]) == (True, None, 0)
    assert 0.2 < guess["value"] < 0.5
    assert guess["replay"][0]["rows"] == 0
    text = CliRunner().invoke(app, ["plan", "borrow", "none", "--kind", "build"]).output
    assert "a guess" in text


def test_bad_requests_are_refused_by_name(log: Store, serve: Serve) -> None:
    service = serve(Serving((), store=log, live={}), api_keys="off")
    for path, status, field in [
        ("/projects/borrowed?kind=build", 422, "project"),
        ("/projects/borrowed?project=web", 422, "kind"),
        ("/projects/borrowed?project=web&kind=build&measure=gold", 422, "measure"),
        ("/projects/borrowed?project=web&kind=nope", 404, None),
    ]:
        refused = service.get(path)
        assert (refused.status_code, refused.json().get("field")) == (status, field), refused.text
    for path, body, status in [
        ("/recommendations", {"project": "nope", "actor": "ann"}, 404),
        ("/recommendations", {"project": "web"}, 422),
        ("/recommendations/99/follow", WHY, 404),
        ("/recommendations/abc/follow", WHY, 422),
        ("/recommendations/1/follow", {"actor": "ann", "reason": "x" * 501}, 422),
    ]:
        assert service.post(path, json=body).status_code == status, path
    with pytest.raises(NotFound):
        decide(log, 2**70, "follow", "ann", "", NOW)
    with pytest.raises(BadInput):
        borrow(log, "web", "build", "gold", instants.now())


def test_too_few_projects_lend_nothing(store: Store) -> None:
    write_project(store, "a", runs_with_cache(20, 1, effect=0.0), NOW - LONG_AGO)
    made = borrow(store, "a", "build", "failed", instants.now())
    assert made.borrowed is None
    with pytest.raises(Refused, match="a guess needs 3"):
        borrow(store, "b", "build", "failed", instants.now())
