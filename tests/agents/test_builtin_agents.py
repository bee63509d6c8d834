"""The five agents of Runlore do real tasks: by rules, on a store, and from the queue."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from typer.testing import CliRunner

from runlore.agents.actions.registering import register_agent
from runlore.agents.actions.store_worker import StoreAgent, StoreWorker
from runlore.agents.actions.task_steps import create_task, find_task, lease_tasks
from runlore.agents.builtin.catalogue import find_builtin
from runlore.agents.builtin.task_kind import BuiltinContext, do_task
from runlore.agents.builtin.trend_analysis import measure_trend
from runlore.agents.rules.registration import AgentProfile
from runlore.agents.rules.task import NewTask
from runlore.cli import app
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.language_model import ChatEndpoint
from runlore.settings import Settings
from runlore.simulate.content import ContentScenario
from runlore.store.engine import Store
from tests.engagement.posts import write_posts
from tests.signals.points import write_points

NOW = datetime(2026, 3, 20, tzinfo=UTC)
SCENARIO = ContentScenario(
    seed=5, personas=1, days=240, posts_per_day=6.0, media=0.5, confounded=0.5, hour_effect=0.8
)
BRIEF = {
    "topic": "green tea",
    "points": ["It steeps at 80 °C", "Two minutes are enough"],
    "platform": "x",
    "call_to_action": "Try it today",
    "link": "https://example.org/tea",
    "hashtags": ["tea", "#green"],
}


def done(name: str, given: dict[str, Any], endpoint: ChatEndpoint | None = None) -> Any:
    """Of an agent that needs no store."""
    agent = find_builtin(name)
    context = BuiltinContext(None, name, NOW, endpoint)  # type: ignore[arg-type]
    return do_task(agent, agent.kinds[0].name, given, context)


def test_templates_write_what_the_brief_says_and_nothing_else() -> None:
    made = done("ContentGeneratorPro", {**BRIEF, "variants": 4})
    texts = [one["text"] for one in made["variants"]]
    assert (made["written_by"], len(set(texts)), made["limit"]) == ("templates", 4, 280)
    for text in texts:
        assert len(text) <= 280
        for part in (*BRIEF["points"], "Try it today", BRIEF["link"], "#tea", "#green"):
            assert part in text
    assert texts[0].startswith("Green tea.")


def test_what_does_not_fit_is_left_out_and_named() -> None:
    [one] = done("ContentGeneratorPro", {**BRIEF, "max_characters": 60})["variants"]
    assert len(one["text"]) <= 60
    assert one["left_out"] == ["It steeps at 80 °C", "Two minutes are enough", "#tea", "#green"]
    with pytest.raises(BadInput, match="topic"):
        done("ContentGeneratorPro", {**BRIEF, "max_characters": 20})
    with pytest.raises(BadInput, match="banned 'tea'"):
        done("ContentGeneratorPro", {**BRIEF, "banned_words": ["tea"]})


@contextmanager
def model_that_says(text: str) -> Iterator[ChatEndpoint]:
    class Reply(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"choices": [{"message": {"content": text}}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Reply) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield ChatEndpoint(f"http://127.0.0.1:{server.server_port}/v1", "small")
        server.shutdown()


def test_a_language_model_writes_only_what_keeps_the_rules() -> None:
    good = "Green tea, today: https://example.org/tea"
    with model_that_says(good) as endpoint:
        made = done("ContentGeneratorPro", BRIEF, endpoint)
    assert (made["written_by"], made["variants"][0]["text"]) == ("small", good)
    for bad, reason in (("x" * 300, "300 characters"), ("no link", "link is missing")):
        with model_that_says(bad) as endpoint:
            made = done("ContentGeneratorPro", BRIEF, endpoint)
        assert made["written_by"] == "templates"
        assert reason in made["note"]
    away = done("ContentGeneratorPro", BRIEF, ChatEndpoint("http://127.0.0.1:1/v1", "small"))
    assert (away["written_by"], "away" in away["note"]) == ("templates", True)


def test_a_review_names_each_fault_with_its_place_and_reason() -> None:
    text = (
        "RunLore is the best tool, guaranteed. Never use damn spreadsheets again!"
        " See http://example.org/x and https://evil.test/y"
    )
    rules = {
        "banned_words": ["damn"],
        "brand_names": ["Runlore"],
        "required_phrases": ["Terms apply"],
        "allowed_hosts": ["example.org"],
        "max_characters": 60,
    }
    review = done("QualityReviewerAI", {"text": text, **rules})
    seen = [(one["rule"], one["excerpt"]) for one in review["findings"]]
    assert seen == [
        ("length", ""),
        ("banned", "damn"),
        ("brand", "RunLore"),
        ("claim", "best"),
        ("claim", "guaranteed"),
        ("required", ""),
        ("link", "http://example.org/x"),
        ("link", "https://evil.test/y"),
    ]
    assert not review["passes"]
    for one in review["findings"]:
        assert one["excerpt"] == text[one["start"] or 0 : one["end"] or 0]
    assert done("QualityReviewerAI", {"text": "Tea is good. Have a cup."})["passes"]


def test_readability_is_fleschs_and_hard_text_is_only_warned_of() -> None:
    easy = done("QualityReviewerAI", {"text": "The cat sat on the mat. " * 5})
    assert easy["measures"]["reading_ease"] == pytest.approx(206.835 - 1.015 * 6 - 84.6, abs=0.1)
    hard = done("QualityReviewerAI", {"text": "Organizational interoperability " * 20})
    assert [one["rule"] for one in hard["findings"]] == ["readability"]
    assert hard["passes"]


def test_wrong_inputs_name_the_field() -> None:
    with pytest.raises(BadInput, match=r"input_data\.colour: is no field; fields: text"):
        done("QualityReviewerAI", {"text": "x", "colour": 1})
    with pytest.raises(BadInput, match="content_review"):
        do_task(find_builtin("QualityReviewerAI"), "paint", {}, None)  # type: ignore[arg-type]


def test_a_planted_trend_is_seen_and_noise_is_not() -> None:
    random = np.random.default_rng(1)
    hours = np.arange(600)
    noise = random.normal(size=600)
    direction, slope = measure_trend(50 + 2 * hours / 168 + noise, 3600.0)
    assert direction == "rising"
    assert slope
    assert slope[1] < 2 < slope[2]
    clear = [
        measure_trend(np.random.default_rng(seed).normal(size=400), 3600.0)[0] for seed in range(60)
    ]
    assert clear.count("no clear trend") >= 51
    assert measure_trend(hours[:30] * 1.0, 3600.0) == ("too few points", None)


def test_all_five_do_a_task_of_the_queue_on_real_posts_and_points(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_posts(store, SCENARIO)
    hours = np.arange(24 * 20)
    load = 50 + np.where(hours < 300, 0.0, 20.0) + np.random.default_rng(2).normal(size=len(hours))
    write_points(store, load)
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    with store.connect() as connection:
        [(post, persona, last)] = connection.execute(
            "SELECT source_id, actor, submitted FROM runlore.executions"
            " ORDER BY submitted DESC OFFSET 100 LIMIT 1"
        )
    as_of = (last + timedelta(days=10)).isoformat()
    inputs = {
        "content_generation": BRIEF,
        "content_review": {"text": "The best tea"},
        "content_optimization": {"context_id": post, "target_score": 90, "as_of": as_of},
        "content_scheduling": {
            "persona": persona,
            "timezone": "Europe/Berlin",
            "posts": [{"id": f"p{at}", "title": f"Post {at}"} for at in range(8)],
            "first_day": "2027-03-25",
            "days": 7,
            "as_of": as_of,
        },
        "trend_analysis": {"series": "cpu"},
    }
    ids = {name: add(store, name, given) for name, given in inputs.items()}
    other = add(store, "paint", {})
    wrong = add(store, "content_review", {"words": "x"})
    ran = CliRunner().invoke(app, ["agents", "run", "--until-idle", "--json"])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout) == {"completed": 5, "failed": 1, "lost": 0}
    assert find_task(store, other).status == "pending", "none of them does such tasks"
    failed = find_task(store, wrong)
    assert (failed.status, failed.attempts) == ("failed", 1)
    assert "input_data.text" in str(failed.failure)
    outputs = {name: find_task(store, one).output for name, one in ids.items()}
    assert outputs["content_generation"]["written_by"] == "templates"
    assert [one["rule"] for one in outputs["content_review"]["findings"]] == ["claim"]
    check_optimized(outputs["content_optimization"], persona)
    check_scheduled(outputs["content_scheduling"])
    [trend] = outputs["trend_analysis"]["series"]
    [shift] = trend["shifts"]
    assert shift["low"] < 0.4 < shift["high"]
    assert trend["level"] == pytest.approx(70, abs=1)


def add(store: Store, task_type: str, given: dict[str, Any]) -> UUID:
    task = NewTask(task_type, task_type, input=given)
    return create_task(store, task, instants.now()).task.id


def check_optimized(output: dict[str, Any], persona: str) -> None:
    assert output["persona"] == persona
    assert output["posts"] > 100
    assert any(one["basis"] == "data" for one in output["suggestions"])
    assert output["target"]["answer"]


def check_scheduled(output: dict[str, Any]) -> None:
    """Against the plain truth: no day twice, all within the hours, the best hour of each day."""
    assert (len(output["posts"]), output["unplaced"]) == (7, ["p7"])
    starts = [datetime.fromisoformat(one["start"]) for one in output["posts"]]
    local = [start.astimezone(ZoneInfo("Europe/Berlin")) for start in starts]
    assert [one.date() for one in local] == [date(2027, 3, 25) + timedelta(at) for at in range(7)]
    assert all(7 <= one.hour <= 21 for one in local)
    assert [f"{one:%Y-%m-%d %H:%M}" for one in local] == [one["local"] for one in output["posts"]]
    assert local[2].utcoffset() != local[4].utcoffset(), "the clocks are put forward between them"
    assert output["learned_from"] > 100
    assert output["calendar"].count("BEGIN:VEVENT") == 7
    assert f"DTSTART:{starts[0]:%Y%m%dT%H%M%SZ}" in output["calendar"]


def test_a_lease_is_kept_while_a_task_is_done_and_lost_ones_change_nothing(store: Store) -> None:
    agent = register_agent(store, AgentProfile("slow"))
    task = create_task(store, NewTask("wait", "Wait", lease_s=1.0), instants.now()).task
    taken = create_task(store, NewTask("wait", "Taken"), instants.now()).task

    def handle(row: Any) -> object:
        if row.id == task.id:
            time.sleep(1.8)
            return {"token": row.token}
        with store.connect() as connection:
            connection.execute(
                "UPDATE runlore.agent_tasks SET token = token + 1 WHERE id = %s", (row.id,)
            )
        return "of nobody"

    done = StoreWorker(store, [StoreAgent(agent.id, ["wait"], handle)]).run(until_idle=True)
    assert (done.completed, done.failed, done.lost) == (1, 0, 1)
    row = find_task(store, task.id)
    assert (row.status, row.attempts, row.output) == ("completed", 1, {"token": row.token})
    assert find_task(store, taken.id).output is None


def test_a_long_task_costs_few_looks_and_holds_up_nobody(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = register_agent(store, AgentProfile("two at a time", max_concurrent_tasks=2))
    create_task(store, NewTask("wait", "Long"), instants.now())
    looks: list[float] = []
    done_at: dict[str, float] = {}

    def count(*values: Any) -> Any:
        looks.append(time.monotonic())
        return lease_tasks(*values)

    def handle(row: Any) -> object:
        if row.name == "Long":
            create_task(store, NewTask("wait", "Short"), instants.now())
            time.sleep(1.2)
        done_at[row.name] = time.monotonic()
        return None

    monkeypatch.setattr("runlore.agents.actions.store_worker.lease_tasks", count)
    worker = StoreWorker(store, [StoreAgent(agent.id, ["wait"], handle)], slots=2)
    assert worker.run(until_idle=True).completed == 2
    assert done_at["Short"] < done_at["Long"] - 0.4
    assert len(looks) <= 7
