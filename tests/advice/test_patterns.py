"""Patterns of an actor: by command, by HTTP, and in the words of OpsConductor."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.advice.actions.patterns import patterns_of, subject_of
from runlore.advice.pattern_views import show_patterns
from runlore.cli import app
from runlore.kernel.errors import BadInput, NotFound
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.advice.pattern_log import DAY, NOW, START, write_habits
from tests.bentos.conftest import Serve, serve

__all__ = ["serve"]

BERLIN = "Europe/Berlin"


@pytest.fixture
def log(store: Store) -> Store:
    write_habits(store)
    return store


def test_command_http_and_dialect_name_the_habits(
    log: Store, settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", log.url)
    done = CliRunner().invoke(app, ["advise", "patterns", "ann", "--zone", BERLIN, "--json"])
    assert done.exit_code == 0, done.output
    view = json.loads(done.stdout)
    texts = [one["text"] for one in view["patterns"]]
    nightly = _only(view, "time", "backup")
    assert nightly["text"].startswith("nightly backup of web-3, 02:"), nightly["text"]
    assert "min, fails" in nightly["text"]
    assert nightly["text"].endswith("on Mondays")
    assert nightly["usual"] in {"02:08", "02:09", "02:10", "02:11", "02:12"}, "in summer, too"
    assert (nightly["n"], nightly["support"], nightly["unit"]) == (120, 120, "days")
    assert any(text.startswith("after build ends, test within") for text in texts), texts
    assert all(one["q"] <= 0.05 for one in view["patterns"])
    assert (view["risks"][0]["ended"], view["open_count"]) == (view["executions"], 0)
    assert sum(view["hours"]) == view["executions"]

    service = serve(Serving((), store=log, live={}))
    answer = service.get(f"/patterns?actor=ann&zone={BERLIN}")
    assert answer.status_code == 200, answer.text
    assert [one["text"] for one in answer.json()["patterns"]] == texts
    user = service.get(f"/ai/learning/patterns/ann?zone={BERLIN}").json()
    assert [one["description"] for one in user["patterns"]] == texts
    assert user["user_id"] == "ann"
    host = service.get("/patterns?scope=web-3").json()
    assert any("backup" in one["text"] for one in host["patterns"])
    table = CliRunner().invoke(app, ["advise", "patterns", "--kind", "backup"])
    assert "patterns beyond chance" in table.output


def test_an_actor_without_habits_gets_none(log: Store) -> None:
    view = show_patterns(patterns_of(log, subject_of("actor", "bob"), NOW))
    assert view.patterns == ()
    assert "beyond chance" in view.reason
    assert view.tested > 10


def test_only_what_was_known_then_counts(log: Store) -> None:
    early = show_patterns(patterns_of(log, subject_of("actor", "ann"), START + 8 * DAY))
    assert early.last_at < START + 8 * DAY
    assert early.executions < 60
    with pytest.raises(NotFound, match="ann"):
        patterns_of(log, subject_of("actor", "ann"), START - DAY)


def test_bad_requests_are_refused_by_name(
    log: Store, settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = serve(Serving((), store=log, live={}))
    for path, status, word in (
        ("/patterns", 422, "actor"),
        ("/patterns?actor=ann&kind=build", 422, "actor"),
        ("/patterns?actor=ann&zone=Mars", 422, "zone"),
        ("/patterns?actor=nobody", 404, "nobody"),
        ("/patterns?scope=a%00b", 422, "scope"),
        ("/ai/learning/patterns/nobody", 404, "nobody"),
        ("/ai/learning/patterns/ann?zone=Mars", 422, "zone"),
        ("/ai/learning/patterns/ann?limit=3", 422, "limit"),
    ):
        answer = service.get(path)
        assert (answer.status_code, word in answer.text) == (status, True), answer.text
    with pytest.raises(BadInput, match="zone"):
        subject_of("actor", "ann", "Mars")
    monkeypatch.setenv("RUNLORE_DATABASE_URL", log.url)
    done = CliRunner().invoke(app, ["advise", "patterns"])
    assert done.exit_code != 0
    assert "name one actor" in str(done.exception)


def _only(view: dict[str, Any], sort: str, kind: str) -> dict[str, Any]:
    [one] = [row for row in view["patterns"] if (row["sort"], row["kind"]) == (sort, kind)]
    return one
