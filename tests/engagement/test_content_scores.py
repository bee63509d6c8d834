"""Scores of content: percentiles, promises, rules of thumb, and scores over HTTP and by command."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving, load
from runlore.cli import app
from runlore.engagement.actions.score_calibration import read_calibration
from runlore.engagement.actions.score_reference import ScoreReferences
from runlore.engagement.rules.scores.comparable import (
    GroupSizes,
    PostValues,
    even_places,
    group_sizes,
    pooled_percentiles,
)
from runlore.engagement.rules.scores.history import (
    DAY_US,
    PostHistory,
    ScorePolicy,
    final_places,
    past_scores,
)
from runlore.engagement.rules.scores.promise import (
    TIERS,
    ScorePromise,
    confidence_of,
    fit_promise,
    promise_of,
    tier_of,
    tier_shares,
)
from runlore.engagement.rules.scores.thumb import thumb_rules, thumb_score
from runlore.kernel import instants
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.engagement.scored_posts import (
    NOW,
    POSTS,
    START,
    quality_version,
    record_scores,
    write_scored_posts,
)

__all__ = ["serve"]

GROUPS = st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 5))


def values_of(rows: list[tuple[str, str, int]]) -> PostValues:
    personas, platforms, values = zip(*rows, strict=True)
    names = (np.array(one, dtype=object) for one in (personas, platforms))
    return PostValues(np.array(values, dtype=np.float64), *names)


def slow_percentile(posts: PostValues, persona: str, platform: str, value: float) -> float:
    """One value at a time, one level after the other."""
    pooled, weight = 0.5, 1.0
    is_mine, is_there = posts.personas == persona, posts.platforms == platform
    for group in (np.full(len(posts), True), is_there, is_mine, is_mine & is_there):
        chosen = posts.values[group]
        below = (chosen < value).sum() + (chosen == value).sum() / 2
        pooled, weight = (below + weight * pooled) / (len(chosen) + weight), 3.0
    return float(pooled)


@given(st.lists(GROUPS, min_size=1, max_size=25), st.lists(GROUPS, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_percentiles_are_those_counted_level_by_level(posts: list, asked: list) -> None:
    known, wanted = values_of(posts), values_of(asked)
    slow = [slow_percentile(known, *one) for one in asked]
    assert pooled_percentiles(known, wanted, 3.0) == pytest.approx(np.array(slow))


def test_one_post_in_five_is_on_top_however_small_the_groups_are() -> None:
    rng = np.random.default_rng(1)
    personas, platforms = rng.integers(0, 30, 900).astype(str), rng.integers(0, 3, 900).astype(str)
    levels = personas.astype(float) + rng.normal(size=900)
    posts = PostValues(levels, personas.astype(object), platforms.astype(object))
    crowded = pooled_percentiles(posts, posts, 20.0)
    even = even_places(posts, posts, 20.0)
    assert np.array_equal(np.argsort(even, kind="stable"), np.argsort(crowded, kind="stable"))
    assert (even >= 0.8).mean() == pytest.approx(0.2, abs=0.002)
    assert (even <= 0.2).mean() == pytest.approx(0.2, abs=0.002)


def test_a_group_counts_from_the_narrowest_that_outweighs_what_it_is_pooled_with() -> None:
    posts = values_of([("a", "x", 1)] * 3 + [("a", "y", 1)] * 20 + [("b", "x", 1)] * 2)
    assert group_sizes(posts, "a", "x") == GroupSizes(3, 23, 5, 25)
    assert group_sizes(posts, "a", "y").level(20) == "persona and platform"
    assert group_sizes(posts, "a", "x").level(20) == "persona"
    assert group_sizes(posts, "c", "x").level(5) == "platform"
    assert group_sizes(posts, "c", "z").level(5) == "all posts"


def drawn(count: int, pull: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Forecasts and outcomes with a correlation on the normal scale."""
    rng = np.random.default_rng(seed)
    forecast = rng.normal(size=count)
    return forecast, pull * forecast + np.sqrt(1 - pull**2) * rng.normal(size=count)


@pytest.mark.parametrize("pull", [0.0, 0.3, 0.8])
def test_tiers_hold_what_earlier_posts_promise(pull: float) -> None:
    forecast, outcome = drawn(16_000, pull)
    rank = np.argsort(np.argsort(forecast))
    scores, places = 100 * (rank + 0.5) / 16_000, (np.argsort(np.argsort(outcome)) + 0.5) / 16_000
    half = slice(0, 8_000), slice(8_000, None)
    promise = fit_promise(scores[half[0]], places[half[0]])
    for share in tier_shares(promise_of(promise, scores[half[1]], places[half[1]])):
        assert share.posts_share == pytest.approx(0.2, abs=0.03)
        assert share.top == pytest.approx(share.promised_top, abs=0.03)
        assert share.low < share.top < share.high
    best = tier_shares(promise_of(promise, scores, places))[0]
    assert (best.promised_top > 0.25) == (pull > 0)


def test_what_forecasts_say_backwards_promises_no_more_than_chance() -> None:
    scores = np.arange(100.0)
    promise = fit_promise(scores, scores[::-1] / 100)
    assert promise == ScorePromise(0.0, 100)
    assert promise.top_fifth(np.array([5.0, 95.0])) == pytest.approx([0.2, 0.2])
    assert [share.posts for share in tier_shares(promise_of(promise, scores[:0], scores[:0]))] == [
        0
    ] * 5


def test_a_past_score_knows_no_later_forecast() -> None:
    forecast, outcome = drawn(400, 0.5)
    at = np.arange(400) * DAY_US // 4
    names = np.full(400, "a", dtype=object)
    history = PostHistory(at, names, names, forecast, outcome)
    scores = past_scores(history, ScorePolicy())
    changed = forecast.copy()
    changed[200:] += 100
    later = past_scores(PostHistory(at, names, names, changed, outcome), ScorePolicy())
    assert np.isnan(scores[:50]).all()
    assert np.array_equal(scores[52:200], later[52:200])
    assert np.isfinite(scores[52:]).all()
    assert np.isnan(
        final_places(PostHistory(at, names, names, forecast, forecast * np.nan), ScorePolicy())
    ).all()


def test_tiers_confidence_and_rules_of_thumb_at_their_edges() -> None:
    assert [tier_of(score) for score in (100, 80, 79.9, 40, 20, 19.9, 0)] == [
        *("excellent", "excellent", "good", "average", "below average", "poor", "poor")
    ]
    assert [confidence_of(0, width) for width in (40, 41, 66)] == ["high", "medium", "low"]
    rules = thumb_rules({"hour": 21, "hashtag_count": 10, "content_length": 50, "has_media": 1.0})
    assert [rule.holds for rule in rules] == [False, True, True, True, None]
    assert thumb_score(rules) == 70
    assert thumb_score(thumb_rules({})) == 50


def test_scores_by_model_replay_and_rules_with_what_came_of_them(
    store: Store, serve: Serve, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quality = write_scored_posts(store)
    plain = serve(Serving(("engagement",), store=store, live={}), api_keys="off")
    ruled = plain.get("/engagement/scores/draft").json()
    expected = 70 if 10 <= NOW.hour < 21 else 50
    assert (ruled["method"], ruled["score"], ruled["tier"]) == (
        "rules",
        expected,
        tier_of(expected),
    )
    assert (ruled["top_fifth"], ruled["confidence"]) == (None, "low")
    assert "no champion" in ruled["why_rules"]

    live = {"engagement": load(quality_version(tmp_path / "v"), "3", "engagement", "wall")}
    service = serve(Serving(("engagement",), store=store, live=live), api_keys="off")
    answer = service.get("/engagement/scores/draft")
    assert answer.status_code == 200, answer.text
    one = answer.json()
    assert (one["method"], one["tier"], one["persona"]) == ("model", "excellent", "ann")
    assert one["forecast"] == pytest.approx(9.0, rel=1e-4)
    assert 0.3 < one["top_fifth"] < 1
    assert one["low"] < one["high"]
    assert one["reasons"][0]["name"] == "inputs.quality"
    on_ledger = service.get(f"/predictions/{one['prediction_id']}").json()
    assert on_ledger["source_id"] == "draft"
    again = service.get(f"/engagement/scores/posts/draft?as_of={one['at']}").json()
    assert (again["score"], again["prediction_id"]) == (one["score"], one["prediction_id"])

    seen = range(POSTS - 200, POSTS - 60)
    best = max(seen, key=lambda at: quality[at])
    words = service.get(f"/api/v1/ml-learning/score/post-{best}").json()
    assert (words["method"], words["tier"]) == ("replay", "excellent")
    assert 0 <= words["actual_percentile"] <= 100
    assert words["predicted_engagement_rate"] == pytest.approx(quality[best], rel=1e-4)

    told = service.get("/engagement/calibration").json()
    assert sum(share["posts"] for share in told["recorded"]) == 0
    assert sum(share["posts"] for share in told["tested"]) > 50
    assert told["tested"][0]["top"] > told["tested"][-1]["top"]
    assert [share["tier"] for share in told["tested"]] == list(TIERS)
    unknown = service.get("/engagement/scores/nothing")
    assert (unknown.status_code, "nothing" in unknown.text) == (404, True)
    early = service.get(f"/engagement/scores/post-3?as_of={START.date()}T00:00:00Z")
    assert early.status_code == 404

    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    monkeypatch.setenv("RUNLORE_HOME", str(settings.home))
    run = CliRunner().invoke(app, ["engagement", "score", "draft", "--as-of", one["at"], "--json"])
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["score"] == one["score"]
    shown = CliRunner().invoke(app, ["engagement", "calibration", "--as-of", NOW.isoformat()])
    assert shown.exit_code == 0
    assert "engagement has no champion" in shown.stdout
    now = CliRunner().invoke(app, ["engagement", "score", "draft"])
    assert (now.exit_code, "rules of thumb" in now.stdout) == (0, True), now.output


def test_the_target_of_suggestions_is_a_content_score(
    store: Store, serve: Serve, tmp_path: Path
) -> None:
    write_scored_posts(store)
    live = {"engagement": load(quality_version(tmp_path / "v"), "3", "engagement", "wall")}
    client = serve(Serving((), store=store, live=live), api_keys="off")
    score = client.get("/engagement/scores/draft").json()["score"]
    way = "/engagement/suggestions/draft"
    near = client.get(way, params={"target_score": score}).json()
    assert (near["score"], near["score_among"]) == (score, "comparable posts")
    assert near["target"]["answer"] == "reached already"
    assert near["target"]["rate"] <= near["expected_rate"]
    assert client.get(way, params={"target_score": 50}).json()["target"]["rate"] < 4
    higher = client.get(way, params={"target_score": 99.99}).json()["target"]
    assert higher["answer"] == "not reachable by what the data support"
    now = {"as_of": NOW.isoformat()}
    assert client.get(way, params=now).json()["score_among"] == "own posts"


def test_recorded_scores_stand_beside_what_came_of_their_posts(store: Store) -> None:
    quality = write_scored_posts(store)
    final = record_scores(store, quality, "bob")
    found = read_calibration(store, None, ScoreReferences(), instants.now(), "bob")
    scores = [100 * (quality < quality[number]).mean() for number in final]
    expected = {tier: sum(tier_of(one) == tier for one in scores) for tier in TIERS}
    assert {share.tier: share.posts for share in found.recorded} == expected
    promised = {round(share.promised_top, 9) for share in found.recorded}
    assert promised == {0.4}, "not what came too late"
    best, worst = found.recorded[0], found.recorded[-1]
    assert best.top > 0.5 > worst.high, "quality moves the rates"
    assert best.low <= best.top <= best.high
    early = read_calibration(store, None, ScoreReferences(), START, "bob")
    assert sum(share.posts for share in early.recorded) == 0
    everybody = read_calibration(store, None, ScoreReferences(), instants.now())
    assert everybody.recorded == found.recorded
