"""Suggestions for posts: beside a known truth, then by command, over HTTP and in old words."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from bench.worlds.posts import draw_effects, make_posts
from bentos.predict.live_versions import Serving
from runlore.cli import app
from runlore.engagement.actions.suggesting import search_persona
from runlore.engagement.actions.suggestion_record import score_suggestions
from runlore.engagement.rules.suggestions.searching import search_changes
from runlore.engagement.rules.suggestions.selected_effect import ChosenEffect
from runlore.engagement.rules.suggestions.thumb import judge_rules
from runlore.settings import Settings
from runlore.simulate.content import ContentScenario
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.engagement.posts import write_posts

__all__ = ["serve"]

FIRST = datetime(2025, 6, 2, tzinfo=UTC)
SCENARIO = ContentScenario(
    seed=5, personas=1, days=240, posts_per_day=6.0, media=0.5, confounded=0.5, zoned=False
)


@pytest.mark.parametrize(("cut", "share"), [(2.0, 0.75), (0.5, 0.5), (-9.0, 0.75)])
def test_a_chosen_effect_is_that_of_the_same_choice_made_many_times(
    cut: float, share: float
) -> None:
    chosen = ChosenEffect(2.3, 1.0, cut, share)
    random = np.random.default_rng(1)
    for p in (0.05, 0.5, 0.95):
        theta = chosen.quantile(p)
        whole = theta + random.normal(size=2_000_000)
        part = whole + random.normal(size=len(whole)) * np.sqrt(1 / share - 1)
        kept = whole[part > cut]
        assert (kept >= 2.3).mean() == pytest.approx(p, abs=0.02), (p, theta, len(kept))


def test_planted_changes_are_found_with_their_gains_and_nothing_without_them() -> None:
    inside, found = [], 0
    for seed in range(6):
        world = make_posts(seed, draw_effects(np.random.default_rng(seed), 1.0))
        for one in search_changes({"instagram": world.posts}).changes:
            low, _, high = one.gains
            inside.append(low <= world.truth[one.of.lever, one.of.value] <= high)
        null = make_posts(100 + seed, draw_effects(np.random.default_rng(seed), 0.0))
        search = search_changes({"instagram": null.posts})
        found += bool(search.changes)
        assert search.compared
    assert len(inside) >= 8
    assert np.mean(inside) >= 0.75
    assert found <= 1


def test_a_rule_of_thumb_yields_to_what_the_posts_say() -> None:
    effects = draw_effects(np.random.default_rng(3), 0.0)
    world = make_posts(7, effects)
    search = search_changes({"instagram": world.posts})
    [media] = [
        one for one in judge_rules(search.changes, search.compared) if one.rule.lever == "has_media"
    ]
    assert media.standing == "overridden", "nothing helps here, and 30 % would show"
    assert judge_rules((), ())[0].standing == "unknown"


def test_suggestions_are_kept_answered_and_scored(
    store: Store, settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_posts(store, SCENARIO)
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    service = serve(Serving((), store=store, live={}), api_keys="off")
    at = (FIRST + timedelta(days=160)).isoformat().replace("+00:00", "Z")
    name = plain_post(store, at)
    early = service.get(f"/engagement/suggestions/{name}?as_of={at}").json()
    assert "searched_at" in early, early
    assert (early["searched_at"], early["suggestions"][0]["id"]) == (None, None)
    assert search_persona(store, early["persona"], "ann", FIRST + timedelta(days=160))
    done = CliRunner().invoke(app, ["engagement", "suggest", name, "--json"])
    assert done.exit_code == 0, done.output
    kept = json.loads(done.stdout)
    [media] = [one for one in kept["suggestions"] if one["lever"] == "has_media"]
    assert (media["value"], media["basis"]) == ("yes", "data")
    assert 0 < media["low"] < media["gain"] < media["high"]
    assert media["id"]
    old = service.get(f"/api/v1/ml-learning/optimize/{name}?target_score=100").json()
    assert old["target_reachable"] == (not old["target_answer"].startswith("not"))
    assert old["current_score"] < 100
    [same] = [one for one in old["recommendations"] if one["type"] == "media"]
    assert same["expected_gain"] == pytest.approx(media["gain"])
    check_refusals(service, name)
    check_scored(store, service, media["id"])


def plain_post(store: Store, at: str) -> str:
    """A post without media on the platform with the most posts."""
    query = (
        "SELECT source_id FROM runlore.executions WHERE inputs ->> 'has_media' = 'false'"
        " AND scope = (SELECT scope FROM runlore.executions GROUP BY scope ORDER BY count(*) DESC"
        " LIMIT 1) AND known_at < %s AND revision = 1 ORDER BY submitted DESC LIMIT 1"
    )
    with store.connect() as connection:
        row = connection.execute(query, (at,)).fetchone()
    assert row
    return str(row[0])


def check_refusals(service: httpx.Client, name: str) -> None:
    way = f"/engagement/suggestions/{name}"
    assert service.get("/engagement/suggestions/nothing").status_code == 404
    for bad in ("target_score=101", "target_score=x", "as_of=soon"):
        refused = service.get(f"{way}?{bad}")
        assert refused.status_code == 422
        assert bad.partition("=")[0] in refused.text


def check_scored(store: Store, service: httpx.Client, number: int) -> None:
    """Posts since the suggestion are counted; other advice does not show it."""
    why = {"actor": "ann", "reason": "images are cheap"}
    assert service.post(f"/advice/{number}/follow", json=why).status_code == 200
    assert score_suggestions(store, datetime(2031, 1, 1, tzinfo=UTC)) == (0, 0), "too old"
    scored, withdrawn = score_suggestions(store, FIRST + timedelta(days=250))
    assert scored > withdrawn == 0
    rows = service.get("/engagement/suggestions").json()["record"]
    [media] = [one for one in rows if one["lever"] == "has_media"]
    assert media["followed"] == 1 <= media["next_posts"]
    assert media["did"] > 50
    assert media["did_rate"] > media["did_not_rate"]
    assert service.get("/advice").json()["advice"] == []
