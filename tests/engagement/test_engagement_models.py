"""Training and importance through the commands and over HTTP."""

import json
import re
from pathlib import Path

import pytest
from handmade import register, write_bundle
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.app import open_app
from runlore.cli import app
from runlore.engagement.actions.models import summarise_contexts
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.bentos import products_world
from tests.bentos.conftest import (
    Serve,
    histories,
    loaded,
    serve,
    serving,
    versions,
)
from tests.engagement.posts import SMALL, write_posts

__all__ = ["histories", "loaded", "serve", "serving", "versions"]
BOTH = '["engagement", "engagement-success"]'


@pytest.fixture
def home(store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    monkeypatch.setenv("RUNLORE_SPECS", BOTH)
    return store


def test_the_command_shows_what_matters_to_the_champion(home: Store, tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["engagement", "importance"]).exit_code != 0, "there is no champion"
    with open_app() as opened:
        version = register(opened.registry, write_bundle(tmp_path / "bundle", "engagement"))
        opened.registry.announce(version)
    chart = tmp_path / "importance.svg"
    done = runner.invoke(app, ["engagement", "importance", "--json", "--chart", str(chart)])
    assert done.exit_code == 0, done.output
    first, second, last = json.loads(done.stdout)["features"]
    assert (first["feature"], first["context_feature"]) == ("inputs.has_media", "has_media")
    assert first["low"] > 0 > second["low"], "0.01 over three shuffles is little, 0.02 of 0.03 not"
    assert last["context_feature"] is None
    texts = re.findall(r"<text[^>]*>([^<]*)<", chart.read_text())
    assert {"has_media", "hour_of_day", "kind"} <= {*texts}


def test_a_training_needs_posts_and_the_threshold_of_the_home(home: Store) -> None:
    runner = CliRunner()
    empty = runner.invoke(app, ["engagement", "train", "--json"])
    assert empty.exit_code == 1
    assert "there are no executions yet" in empty.output
    for wrong, remedy in (
        (["--success", "--threshold", "7"], "RUNLORE_ENGAGEMENT_SUCCESS_PERCENT=7"),
        (["--threshold", "5"], "is of --success"),
    ):
        refused = runner.invoke(app, ["engagement", "train", *wrong])
        assert refused.exit_code != 0
        assert remedy in f"{refused.output}{refused.exception}"


def test_the_share_of_bots_is_said(store: Store) -> None:
    content = write_posts(store)
    at = SMALL.first.replace(year=SMALL.first.year + 1)
    assert summarise_contexts(store, at)["posts"] == 0, "the lookback is of 90 days"
    at = content.posts["published"].iloc[-1].to_pydatetime()
    summary = summarise_contexts(store, at)
    final = content.records[content.records["age_h"] == 168]
    known = final[final["measured"] <= at.strftime("%Y-%m-%dT%H:%M:%SZ")]
    share = known["bot_count"].sum() / (known["bot_count"].sum() + known["user_count"].sum())
    assert summary["bots"]["share"] == pytest.approx(share)
    assert f"{share:.1%} of accounts" in summary["text"]


def test_http_shows_what_matters_and_refuses_another_threshold(
    serve: Serve, serving: Serving, home: Store, tmp_path: Path
) -> None:
    client = serve(serving, api_keys="off")
    products_world.engage(serving, tmp_path)
    at = "/engagement/importance"
    told = client.get(at, params={"spec": "engagement-success"}).json()
    assert [one["rank"] for one in told["features"]] == [1, 2, 3]
    assert told["score"] == "log loss"
    drawn = client.get(at, params={"format": "svg"})
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert drawn.text.startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox=')
    for wrong, field in (({"format": "png"}, "format"), ({"spec": "duration"}, "spec")):
        refused = client.get(at, params=wrong)
        assert (refused.status_code, field in refused.text) == (422, True)
    ml = "/api/v1/ml-learning/models"
    refused = client.post(f"{ml}/train-success-classifier", json={"success_threshold": 7})
    assert refused.status_code == 422
    assert "success_threshold: 7 % is not this home's" in refused.text
    assert client.get(f"{ml}/feature-importance", params={"model_type": "x"}).status_code == 422


def test_http_says_which_setting_switches_the_models_on(serve: Serve, serving: Serving) -> None:
    refused = serve(serving, api_keys="off").post(
        "/api/v1/ml-learning/models/train-engagement", json={}
    )
    assert refused.status_code == 404
    assert "RUNLORE_SPECS" in refused.text
