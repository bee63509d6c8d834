"""Replays of scheduling from the log: by command and by HTTP."""

import json
from datetime import timedelta

import numpy as np
import pytest
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.cli import app
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.planning.actions.scheduling_replay import ReplayRequest, replay_scheduling
from runlore.settings import Settings
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.planning.queued_jobs import NOW, SLOTS, START, write_jobs

__all__ = ["serve"]

REQUEST = ReplayRequest(SLOTS, "job", "processors", "requested_s")


@pytest.fixture
def queued(store: Store) -> Store:
    write_jobs(store, 300)
    return store


def test_command_and_http_say_the_same(
    queued: Store, settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", queued.url)
    picture = tmp_path / "waits.svg"
    words = f"plan replay --slots {SLOTS} --size-input processors --limit-input requested_s"
    named = ["--what-if", "10", "--plot", str(picture), "--json", "--as-of", NOW.isoformat()]
    done = CliRunner().invoke(app, [*words.split(), *named])
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert picture.stat().st_size > 5_000
    assert (shown["jobs"], shown["policies"][0]["waits"]["jobs"]) == (300, 90)
    by_name = {policy["name"]: policy for policy in shown["policies"]}
    fcfs, easy = by_name["FCFS"], by_name["EASY"]
    assert fcfs["waits"]["wait_mean_s"] > easy["waits"]["wait_mean_s"] > 0
    [more] = shown["what_if"]
    assert more["easy"]["wait_mean_s"] < easy["waits"]["wait_mean_s"]
    assert shown["recorded"]["wait_mean_s"] == pytest.approx(5)

    service = serve(Serving((), store=queued, live={}))
    body = {
        "slots": SLOTS,
        "size_input": "processors",
        "limit_input": "requested_s",
        "what_if": [10],
        "as_of": NOW.isoformat(),
    }
    answer = service.post("/plans/replay", json=body)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["finding"] == shown["finding"]
    assert told["policies"] == shown["policies"]

    for wrong, status, names in [
        ({"slots": 0}, 422, "slots"),
        ({"colour": 1}, 422, "colour"),
        ({"size_input": "nodes"}, 422, "nodes"),
        ({"limit_input": "wall"}, 422, "wall"),
        ({"what_if": [-1]}, 422, "what_if"),
        ({"kind": "build"}, 404, "kinds of the log: job"),
        ({"slots": 0.5}, 409, "a replay needs 100"),
    ]:
        refused = service.post("/plans/replay", json=body | wrong)
        assert (refused.status_code, names in refused.text) == (status, True), refused.text


def test_only_what_was_known_then_is_replayed(queued: Store) -> None:
    """Another past: jobs that ended later are not there."""
    whole = replay_scheduling(queued, REQUEST, NOW)
    half = replay_scheduling(queued, REQUEST, whole.last_at - (whole.last_at - START) / 2)
    assert 100 <= len(half.comparison.jobs) < 200
    first = len(half.comparison.jobs) // 2
    assert np.array_equal(half.comparison.jobs.ran_s[:first], whole.comparison.jobs.ran_s[:first])


def test_jobs_that_cannot_be_replayed_are_counted(queued: Store) -> None:
    made = replay_scheduling(queued, ReplayRequest(4, None, "processors"), NOW)
    assert made.left_out["wider than the pool"] > 0
    assert made.without_request == len(made.comparison.jobs)
    assert len(made.comparison.jobs) + sum(made.left_out.values()) == 300
    newest = replay_scheduling(queued, ReplayRequest(SLOTS, most_jobs=120), NOW)
    assert (len(newest.comparison.jobs), newest.last_at > newest.first_at) == (120, True)


def test_what_cannot_be_answered_is_refused_by_name(queued: Store) -> None:
    for request, error, words in [
        (ReplayRequest(float("nan")), BadInput, "slots"),
        (ReplayRequest(SLOTS, what_if=(-2.0,)), BadInput, "what_if"),
        (ReplayRequest(SLOTS, "nope"), NotFound, "kinds of the log: job"),
        (ReplayRequest(SLOTS, size_input="nodes"), BadInput, "size_input"),
        (ReplayRequest(SLOTS, since=NOW), NotFound, "no job"),
        (ReplayRequest(SLOTS, until=START + timedelta(hours=1)), Refused, "needs 100"),
    ]:
        with pytest.raises(error, match=words):
            replay_scheduling(queued, request, NOW)
