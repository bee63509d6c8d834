"""A person's ten questions, each answered in at most three clicks from Home."""

import html
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from handmade import write_bundle

from bentos.predict.live_versions import Serving, load
from runlore.kernel import instants
from runlore.kernel.json_values import as_json
from runlore.registry import alias_history
from runlore.registry.alias_history import Change
from runlore.reports.actions import recent_work
from runlore.rollout.actions.rollout_state import policy_of
from runlore.rollout.queries import rollouts
from runlore.rollout.queries.rollouts import NewDecision, Rollout
from runlore.specs.catalog import failure_risk
from runlore.store.engine import Store
from tests.bentos import products_world
from tests.console.conftest import form_token
from tests.ingest.csv_log import HEADER, Log, row

RISK = products_world.RISK
WORSE = "brier is worse by more than is tolerated"
MOST_CLICKS = 3

# The question, what is clicked on from Home on, and what the last page says.
QUESTIONS = (
    (
        "Which jobs will fail tonight?",
        ["Which work will fail"],
        r"queued or running; expect [\d.]+",
    ),
    ("Why did version 5 not take over?", ["Why did a version", "5: what became"], WORSE),
    ("What did last week cost?", ["What did last week cost"], r"The week of [\d-]+ cost 168"),
    ("Who fails most beyond chance?", ["Who fails most"], "Actor user0 fails most beyond chance"),
    ("Is the model still good?", ["Is the model still good"], "AUC over time"),
    ("What changed in the data?", ["What changed in the data"], r"<th scope=\"row\">nodes</th>"),
    ("What was rejected, and how do I fix it?", ["What was rejected"], "not a time"),
    ("Which limit should I set?", ["Which limit", "Predict"], r"lets 95 % of such work end"),
    ("Why was a job said to fail?", ["Why was a job", "<time"], r"<h2>Why</h2>\s*<ul"),
    ("What happens next?", [], r"<dt>Next</dt>\s*<dd>It watches daily"),
)


@pytest.fixture
def serving(serving: Serving, tmp_path: Path) -> Serving:
    """The version of durations knows quantiles, of which limits are made."""
    folder = write_bundle(tmp_path / "duration", "duration", has_quantiles=True)
    serving.live = {**serving.live, "duration": load(folder, "7", "duration", "wall")}
    return serving


@pytest.fixture
def past(world: Store, serving: Serving, tmp_path: Path) -> None:
    """A month of work in which user0 fails half the time, and a version that was rolled back."""
    monday = datetime.combine(recent_work.last_monday(instants.now()), datetime.min.time(), UTC)
    lines = []
    for number in range(28 * 24):
        at = monday - timedelta(days=14) + timedelta(hours=number)
        is_bad = number % 6 == 0 and number % 4 == 0
        lines.append(
            row(
                number,
                user=f"user{number % 6}",
                queued_at=f"{at:%Y-%m-%dT%H:%M:%SZ}",
                ended_at=f"{at + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}",
                how="failed" if is_bad or number % 29 == 0 else "ok",
                cost="1.0",
            )
        )
        if at > instants.now() - timedelta(minutes=10):
            break
    bad = row(9_999, queued_at="not a time")
    Log(world, tmp_path / "month.csv", [HEADER, *lines, bad]).ingest(at=instants.now())
    with alias_history.writing(world) as history:
        history.add(Change(RISK, "challenger", "5", "announce", "ann", "trained on September"))
        policy = as_json(policy_of(failure_risk.SPEC))
        at = products_world.AT
        begun = rollouts.add_rollout(
            history.connection, Rollout(0, RISK, "4", "5", "actor", policy, 3600, at)
        )
        for action, step, reason in (("start", 1, "trial"), ("roll back", 0, WORSE)):
            decision = NewDecision(begun.id, at, action, step, [reason], False, "runlore")
            rollouts.add_decision(history.connection, decision)
        history.add(Change(RISK, "challenger", None, "arms", "runlore", WORSE))


def click(client: httpx.Client, page: httpx.Response, what: str) -> httpx.Response:
    """Follow the first link with this text, else send the form whose button says it."""
    text = page.text
    for address, inner in re.findall(r'<a\b[^>]*href="([^"]+)"[^>]*>(.*?)</a>', text, re.DOTALL):
        if what in re.sub(r'<span class="hidden">|</span>', "", inner):
            return client.get(html.unescape(address).partition("#")[0], follow_redirects=True)
    form = re.search(
        rf'<form [^>]*action="([^"]+)"(?:(?!</form>).)*<button>{what}', text, re.DOTALL
    )
    assert form, f"nothing says {what!r}"
    fields = re.findall(r'<input [^>]*name="([^"]+)"[^>]*?value="([^"]*)"', form[0])
    return client.post(html.unescape(form[1]), data=dict(fields))


@pytest.mark.usefixtures("past")
def test_ten_questions_are_answered_in_three_clicks(
    console: httpx.Client,
) -> None:
    ask(console)
    wrong = {}
    for question, clicks, answer in QUESTIONS:
        assert len(clicks) <= MOST_CLICKS
        page = console.get("/")
        for what in clicks:
            page = click(console, page, what)
            assert page.status_code == 200, (question, what)
        if not re.search(answer, page.text):
            wrong[question] = page.text[page.text.find("<h1") :][:3000]
    assert wrong == {}


def ask(client: httpx.Client) -> None:
    """Put an answer with reasons on the ledger."""
    path = f"/console/predict/{RISK}"
    form = {"actor": "ann", "kind": "build", "scope": "", "inputs.nodes": "4"}
    token = form_token(client.get(path).text)
    assert client.post(path, data=form | {"form_token": token}).status_code == 200


def test_the_document_lists_each_question_with_its_clicks() -> None:
    text = (Path(__file__).parents[2] / "docs/console.md").read_text(encoding="utf-8")
    rows: Sequence[str] = [line for line in text.splitlines() if line.startswith("| ")]
    for question, clicks, _ in QUESTIONS:
        [row_text] = [line for line in rows if line.startswith(f"| {question} |")] or [""]
        assert row_text, question
        assert row_text.count("→") == len(clicks), question
