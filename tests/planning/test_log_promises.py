"""Promises learned from a whole log: repeated work is promised, noise is not."""

import json
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from typer.testing import CliRunner

from bentos.predict.live_versions import Serving
from runlore.cli import app
from runlore.kernel.errors import Refused
from runlore.planning.actions.promises import learn_promises
from runlore.planning.queries.task_log import read_task_log
from runlore.planning.rules.promise import KEPT
from runlore.planning.rules.promises import boosting, promise_model, track
from runlore.planning.rules.promises.calibration import choose_threshold, kept_share
from runlore.planning.rules.promises.candidates import densest, make_maker
from runlore.planning.rules.promises.like_tasks import GrainIndex
from runlore.planning.rules.promises.likeness import is_hit, learn_likeness
from runlore.planning.rules.promises.promise_model import learn_promise_model
from runlore.planning.rules.promises.task_log import UNKNOWN_US, CodedTasks, build_log
from runlore.planning.rules.promises.walk_forward import known_at
from runlore.store.engine import Store
from tests.bentos.conftest import Serve, serve
from tests.planning.finished_tasks import NOW, START, write_tasks

__all__ = ["serve"]

HOUR_US = 3_600_000_000
TASKS = 2_100


def repeated(
    count: int, noise: Callable[[np.random.Generator], np.ndarray], seed: int = 3
) -> tuple:
    """Three sorts of work by 12 people; what a sort takes is e^noise about its own usual amount."""
    random = np.random.default_rng(seed)
    people, sorts = random.integers(0, 12, count), random.integers(0, 3, count)
    usual = np.exp(random.uniform(3, 8, (12, 3)))[people, sorts]
    tasks = [
        {"kind": "job", "actor": f"p{person}", "inputs.sort": f"s{sort}"}
        for person, sort in zip(people, sorts, strict=True)
    ]
    return tasks, usual * np.exp(noise(random)), sorts


def log_of(tasks: list, amounts: np.ndarray) -> tuple:
    submitted = np.arange(len(tasks)) * HOUR_US
    known = submitted + (amounts * 1e6).astype(np.int64)
    return build_log(tasks, amounts, submitted, known)


@pytest.fixture
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosting, "ROUNDS", 25)
    monkeypatch.setattr(boosting, "QUANTILE_ROUNDS", 25)
    monkeypatch.setattr(promise_model, "WINDOWS", 3)
    monkeypatch.setattr(track, "LEAST_ANSWERS", 300)
    monkeypatch.setattr(track, "RENEWALS", 2)


@given(st.integers(0, 10_000), st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_like_tasks_are_those_that_a_loop_finds(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    fields = random.integers(0, 3, (count, 2))
    submitted = np.sort(random.integers(0, 50, count))
    known = np.where(
        random.random(count) < 0.2, UNKNOWN_US, submitted + random.integers(0, 30, count)
    )
    values = random.normal(size=count)
    log = CodedTasks(fields, np.zeros((count, 0)), values, submitted, known)
    seen = GrainIndex((0, 1), log).look_up(log, k=3)
    few = [GrainIndex((0, 1), log).look_up(log.part(slice(at, at + 1)), k=3) for at in range(count)]
    for at in range(count):
        alike = [one for one in range(count) if (fields[one] == fields[at]).all()]
        ended = sorted((known[one], one) for one in alike if known[one] < submitted[at])
        expected = [values[one] for _, one in reversed(ended)][:3]
        for found in (seen.values[at], few[at].values[0]):
            assert found[~np.isnan(found)].tolist() == expected
        before = sum(submitted[one] < submitted[at] for one in alike)
        assert seen.known[at] == few[at].known[0] == len(ended)
        assert seen.pending[at] == few[at].pending[0] == before - len(ended)


def test_facts_of_a_task_do_not_depend_on_what_comes_after() -> None:
    tasks, amounts, _ = repeated(400, lambda random: random.normal(0, 0.5, 400))
    _, log = log_of(tasks, amounts)
    early = known_at(log, 300)
    likeness = learn_likeness(early)
    task = log.part(slice(300, 301))
    all_known = make_maker(log, likeness).make(task)
    only_past = make_maker(early, likeness).make(task)
    np.testing.assert_array_equal(all_known.answers, only_past.answers)
    np.testing.assert_array_equal(all_known.facts, only_past.facts)


def test_the_densest_answer_is_where_most_lie_within_15_percent() -> None:
    values = np.log([[100, 50, 98, 102, 400, 51.0], [10, np.nan, np.nan, np.nan, np.nan, np.nan]])
    padded = np.full((2, 16), np.nan)
    padded[:, :6] = values
    assert np.exp(densest(padded)) == pytest.approx([100, 10], rel=0.02)
    assert np.isnan(densest(np.full((1, 16), np.nan))).all()


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_a_threshold_kept_80_percent_surely(seed: int) -> None:
    random = np.random.default_rng(seed)
    chances = random.random(2_000)
    hits, groups = random.random(2_000) < chances, random.integers(0, 200, 2_000)
    threshold = choose_threshold(chances, hits, groups)
    assert threshold is not None
    made = kept_share(chances >= threshold, hits, groups)
    assert made.kept is not None
    assert made.low is not None
    assert made.kept - 1.645 / 1.96 * (made.kept - made.low) >= KEPT - 1e-6
    assert kept_share(chances >= threshold - 0.1, hits, groups).kept < made.kept + 0.05


def test_dependent_tasks_widen_the_interval() -> None:
    hits = np.repeat(np.random.default_rng(1).random(100) < 0.8, 20)
    is_made = np.ones(2_000, dtype=np.bool_)
    alone = kept_share(is_made, hits, np.arange(2_000))
    together = kept_share(is_made, hits, np.repeat(np.arange(100), 20))
    assert alone.low is not None
    assert together.low is not None
    assert together.kept - together.low > 3 * (alone.kept - alone.low)


@pytest.mark.usefixtures("few_trees")
def test_work_that_repeats_is_promised_and_kept_where_it_repeats() -> None:
    """Of the three sorts of work one is noise."""
    tasks, amounts, sorts = repeated(TASKS, lambda random: random.normal(0, 0.04, TASKS))
    noisy = np.random.default_rng(9).lognormal(5, 1, TASKS)
    codes, log = log_of(tasks, np.where(sorts == 2, noisy, amounts))
    learned = learn_promise_model(codes, log, ["job"] * TASKS)
    assert learned.scores.share == pytest.approx(2 / 3, abs=0.1)
    assert learned.scores.kept is not None
    assert learned.scores.kept > 0.9
    for level, share in learned.scores.coverage.items():
        assert share == pytest.approx(float(level.rstrip("%")) / 100, abs=0.06)


@pytest.mark.usefixtures("few_trees")
@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_is_promised_of_noise(seed: int) -> None:
    tasks, amounts, _ = repeated(TASKS, lambda random: random.normal(0, 1, TASKS), seed)
    codes, log = log_of(tasks, amounts)
    learned = learn_promise_model(codes, log, ["job"] * TASKS)
    assert learned.model.rule.threshold is None
    assert learned.scores.promised == 0


@pytest.mark.usefixtures("few_trees")
def test_what_was_learned_answers_by_command_and_http(
    store: Store, settings: object, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    tasks, amounts, _ = repeated(TASKS, lambda random: random.normal(0, 0.04, TASKS))
    inputs = [{"sort": task["inputs.sort"], "who": task["actor"]} for task in tasks]
    write_tasks(store, inputs, amounts)
    at = ["--as-of", NOW.isoformat(), "--json"]
    service = serve(Serving((), store=store, live={}))
    assert service.get("/estimates/promises").json() == {"promises": []}
    with pytest.raises(Refused, match="too few"):
        learn_promises(store, "duration_s", NOW - timedelta(days=380))

    done = CliRunner().invoke(app, ["plan", "promises", "--learn", *at])
    assert done.exit_code == 0, done.output
    [shown] = json.loads(done.stdout)["promises"]
    assert shown["all"]["kept"] > 0.9
    assert shown["kinds"][0]["kind"] == "build"
    page = service.get("/estimates/promises", params={"as_of": NOW.isoformat()}).json()
    [served] = page["promises"]
    for name in ("tasks", "threshold", "all", "kinds"):
        assert served[name] == shown[name]

    assert (shown["moment"], served["moment"]) == ("submitted", "submitted")
    words = ["plan", "estimate", "--kind", "build", "--actor", "ann", "--scope", "web", *at]
    known = CliRunner().invoke(app, [*words, "--input", "sort=s1", "--input", "who=p3"])
    view = json.loads(known.stdout)
    usual = np.median(
        [
            amount
            for amount, one in zip(amounts, inputs, strict=True)
            if one == {"sort": "s1", "who": "p3"}
        ]
    )
    assert view["promise"]["is_made"], view["promise"]
    assert is_hit(np.log([usual]), np.log([view["value"]])).all()
    new = CliRunner().invoke(app, [*words, "--input", "sort=s9", "--input", "who=p99"])
    promise = json.loads(new.stdout)["promise"]
    assert not promise["is_made"]
    assert promise["reason"].startswith("no promise: ")
    wrong = service.get("/estimates/promises", params={"as_of": "soon"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "as_of")


def test_a_log_is_read_in_the_order_of_the_moment(store: Store) -> None:
    """The first task waits for an hour and a half, so it starts after the second."""
    write_tasks(store, [{}, {}], np.array([60.0, 70.0]))
    with store.begin() as connection:
        connection.execute(
            text(
                "UPDATE runlore.executions SET started = started + interval '90 minutes',"
                " finished = finished + interval '90 minutes' WHERE source_id = 'build-0'"
            )
        )
    for moment, amounts in (("submitted", [60, 70]), ("started", [70, 60])):
        rows = read_task_log(store, "duration_s", NOW, 10, moment)
        assert [row.amount for row in rows] == amounts
    early = read_task_log(store, "duration_s", START + timedelta(seconds=30), 10)
    assert [(row.amount, row.known_at) for row in early] == [(None, None)]
