"""Best times: beside a known truth, then by command, over HTTP and in old words."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from bench.worlds.posts import draw_effects, make_posts
from bentos.predict.live_versions import Serving
from runlore.cli import app
from runlore.engagement.rules.times.naming import find_best_times
from runlore.settings import Settings
from runlore.simulate.content import ContentScenario
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.engagement.posts import write_posts

__all__ = ["serve"]

NOTHING = draw_effects(np.random.default_rng(0), 0.0)
EVENING = replace(NOTHING, hour=0.5 * np.exp(-(((np.arange(24) - 19) / 3) ** 2)))
SCENARIO = ContentScenario(
    seed=11, personas=1, days=240, posts_per_day=4.0, hour_effect=0.8, zoned=False
)


def test_a_planted_evening_is_named_and_nothing_where_no_time_matters() -> None:
    named = [find_best_times(make_posts(seed, EVENING).posts).best_hours for seed in range(4)]
    assert sum(map(bool, named)) >= 3
    assert all(16 <= one.label <= 22 for best in named for one in best[:1])
    flat = [find_best_times(make_posts(50 + seed, NOTHING).posts) for seed in range(4)]
    assert sum(not one.reason for one in flat) <= 1
    assert all(one.low < 0 < one.high for one in flat[0].hours)


def test_few_posts_name_nothing() -> None:
    posts = make_posts(1, EVENING).posts.take(np.arange(30))
    best = find_best_times(posts)
    assert (best.posts, best.hours) == (30, ())
    assert "it takes 50" in best.reason


def test_times_are_the_same_by_every_way_and_move_with_the_zone(
    store: Store, settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_posts(store, SCENARIO)
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    service = serve(Serving((), store=store, live={}), api_keys="off")
    with store.connect() as connection:
        [(persona,)] = connection.execute("SELECT DISTINCT actor FROM runlore.executions")
    done = CliRunner().invoke(app, ["engagement", "times", persona, "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["best"], told["reason"]
    assert sum(map(sum, told["week_posts"])) == told["posts"]
    old = service.get(f"/api/v1/ml-learning/predict-timing?persona_id={persona}").json()
    assert [one["hour"] for one in old["optimal_times"]] == [one["hour"] for one in told["best"]]
    far = service.get(f"/engagement/times?persona={persona}&zone=Asia/Tokyo").json()
    shifted = [one["posts"] for one in far["hours"]]
    assert np.roll([one["posts"] for one in told["hours"]], 9).tolist() == shifted
    for way, status, field in (
        ("persona=nobody", 404, "nobody"),
        ("platform=x", 422, "persona"),
        (f"persona={persona}&zone=Mars", 422, "zone"),
    ):
        refused = service.get(f"/engagement/times?{way}")
        assert (refused.status_code, field in refused.text) == (status, True)
