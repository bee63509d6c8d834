"""Requests for a training as rows: asked once, begun once, ended with their reasons."""

import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from runlore.alerts.queries import alerts
from runlore.alerts.rules.state import AlertEpisode
from runlore.kernel.errors import BadInput, NotFound, Unavailable
from runlore.registry import Registry, connect
from runlore.retraining import queries
from runlore.retraining.actions import announcing, requests
from runlore.retraining.actions import course as retraining_course
from runlore.retraining.actions.course import TrainingEnd, TrainingStart
from runlore.retraining.actions.requests import RequestOutcome, RetrainingCause
from runlore.retraining.queries import Retraining
from runlore.rollout.queries import rollouts
from runlore.rollout.queries.rollouts import NewDecision, Rollout
from runlore.settings import Settings
from runlore.specs.model_spec import ModelSpec, RetrainingPolicy
from runlore.store.engine import Store
from tests.flows import quick_specs
from tests.log.logged_work import Work, add, day

FIRST = Work(300, 0, 10)
MORE = Work(150, 10, 2, seed=2)
PERSON = RetrainingCause("person", "ann", "a new release")
EAGER = RetrainingPolicy(cooldown_s=0.0)


@pytest.fixture(scope="module")
def registry(database: Store) -> Iterator[Registry]:
    with tempfile.TemporaryDirectory(prefix="rl-") as home:
        yield connect(Settings(home=Path(home), mlflow_tracking_uri=None), database)


@pytest.fixture
def spec(store: Store) -> ModelSpec:
    add(store, FIRST)
    return replace(quick_specs.RISK, name=f"risk-{uuid.uuid4().hex[:10]}")


def drift(window: str = "1") -> RetrainingCause:
    return RetrainingCause("drift", "monitor", "it moved", cause=window)


def begun(store: Store, spec: ModelSpec, found: RequestOutcome, at: float = 12) -> TrainingStart:
    course = retraining_course.begin(store, spec, found.retraining.id, day(at))
    assert course is not None
    return course


def states(store: Store, spec: ModelSpec) -> list[list[str]]:
    return [[s.state for s in each.steps] for each in requests.history(store, spec.name)]


def open_alerts(store: Store, spec: ModelSpec) -> list[AlertEpisode]:
    with store.begin() as connection:
        return alerts.read(connection, alerts.AlertQuery("open", "retraining", spec.name))


def test_a_request_is_written_with_who_why_and_which_facts(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    found = requests.request(store, registry, spec, PERSON, day(12)).retraining
    wanted = found.wanted
    assert (wanted.trigger, wanted.actor, wanted.reason) == ("person", "ann", "a new release")
    assert (found.state, wanted.new_labels) == ("wanted", 300)
    assert requests.show(store, found.id) == found


def test_of_a_spec_one_goes_on_at_a_time(store: Store, registry: Registry, spec: ModelSpec) -> None:
    first = requests.request(store, registry, spec, PERSON, day(12))
    second = requests.request(store, registry, spec, drift(), day(12))
    assert (first.is_new, second.is_new) == (True, False)
    assert second.retraining.id == first.retraining.id


def test_the_same_cause_asks_once_even_after_it_was_answered(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    course = begun(store, spec, requests.request(store, registry, spec, drift(), day(12)))
    retraining_course.end(store, course, TrainingEnd("failed", "killed"), day(12))
    assert not requests.request(store, registry, spec, drift(), day(13)).is_new
    assert requests.request(store, registry, spec, drift("2"), day(23)).is_new


def test_data_that_a_person_accepts_may_teach_this_training_alone(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    who = ("zoe", "sizes are in MB since March")
    asked = requests.request_accepting(store, registry, spec, who, day(11))
    assert asked.retraining.wanted.actor == "zoe"
    accepted = begun(store, spec, asked)
    assert accepted.accept_data == "zoe: sizes are in MB since March"
    retraining_course.end(store, accepted, TrainingEnd("failed", "the disk is full"), day(12))
    add(store, MORE)
    asked = requests.request(store, registry, spec, PERSON, day(13))
    assert begun(store, spec, asked, 13).accept_data is None


def test_a_request_that_is_begun_twice_at_once_begins_once(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    number = requests.request(store, registry, spec, PERSON, day(12)).retraining.id
    with ThreadPoolExecutor(8) as pool:
        tried = pool.map(lambda _: retraining_course.begin(store, spec, number, day(12)), range(8))
        found = [each for each in tried if each is not None]
    assert len(found) == 1
    assert states(store, spec) == [["wanted", "started"]]


def test_the_same_facts_never_teach_twice(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    course = begun(store, spec, requests.request(store, registry, spec, PERSON, day(12)))
    retraining_course.end(store, course, TrainingEnd("done", "version 2", has_taught=True), day(12))
    again = requests.request(store, registry, spec, PERSON, day(30)).retraining
    assert (again.state, again.wanted.new_labels) == ("refused", 0)
    assert "have taught" in again.reason
    other = replace(spec, candidates=("baseline", "naive-bayes"))
    assert requests.request(store, registry, other, PERSON, day(30)).retraining.state == "wanted"


def test_facts_that_came_after_the_request_are_learned_from_too(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    found = requests.request(store, registry, spec, PERSON, day(12))
    add(store, MORE)
    course = begun(store, spec, found)
    assert course.until_seq > found.retraining.wanted.until_seq
    assert course.batch != found.retraining.wanted.batch


def test_a_failed_training_has_not_taught_and_may_be_tried_again(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    course = begun(store, spec, requests.request(store, registry, spec, PERSON, day(12)))
    retraining_course.end(store, course, TrainingEnd("failed", "out of memory"), day(12))
    assert requests.request(store, registry, spec, PERSON, day(12)).retraining.state == "wanted"


def test_within_the_cooldown_drift_is_refused_on_record(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    course = begun(store, spec, requests.request(store, registry, spec, drift(), day(12)))
    retraining_course.end(store, course, TrainingEnd("done", "version 1", has_taught=True), day(12))
    add(store, MORE)
    refused = requests.request(store, registry, spec, drift("2"), day(13)).retraining
    assert (refused.state, refused.wanted.new_labels) == ("refused", 150)
    assert "not again before" in refused.reason


def test_a_training_whose_data_is_refused_spends_neither_budget_nor_cooldown(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    """Four bad Mondays; on the Tuesday after the last one the data is put right."""
    for at in (12, 19, 26, 33):
        found = requests.request(store, registry, spec, drift(str(at)), day(at))
        assert (found.is_new, found.retraining.state) == (True, "wanted")
        course = begun(store, spec, found, at)
        retraining_course.end(store, course, TrainingEnd("refused", "all null"), day(at))
        assert not requests.request(store, registry, spec, drift(str(at)), day(at)).is_new
    found = requests.request(store, registry, spec, drift("34"), day(34))
    assert found.retraining.state == "wanted"
    with store.begin() as connection:
        assert queries.begun(connection, spec.name) == []


@pytest.mark.parametrize(
    "ending",
    [TrainingEnd("refused", "a gate", has_taught=True), TrainingEnd("failed", "out of memory")],
)
def test_a_training_that_taught_or_failed_does(
    store: Store, registry: Registry, spec: ModelSpec, ending: TrainingEnd
) -> None:
    found = requests.request(store, registry, spec, drift(), day(12))
    retraining_course.end(store, begun(store, spec, found), ending, day(12))
    add(store, MORE)
    refused = requests.request(store, registry, spec, drift("2"), day(13)).retraining
    assert "not again before" in refused.reason


def test_what_is_due_by_itself_is_tried_again_a_day_after_its_data_was_refused(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    found = requests.look(store, registry, spec, day(12))
    assert found is not None
    ending = TrainingEnd("refused", "all null")
    retraining_course.end(store, begun(store, spec, found), ending, day(12))
    add(store, MORE)
    assert requests.look(store, registry, spec, day(12.9)) is None
    again = requests.look(store, registry, spec, day(13.1))
    assert again is not None
    assert (again.is_new, again.retraining.state) == (True, "wanted")


def test_a_failure_is_one_alert_that_the_next_success_resolves(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    for at in (12, 13):
        found = requests.request(store, registry, spec, PERSON, day(at))
        ending = TrainingEnd("failed", "out of memory")
        retraining_course.end(store, begun(store, spec, found, at), ending, day(at))
    (alert,) = open_alerts(store, spec)
    assert "out of memory" in alert.what
    found = requests.request(store, registry, spec, PERSON, day(14))
    ending = TrainingEnd("done", "version 2", has_taught=True)
    retraining_course.end(store, begun(store, spec, found, 14), ending, day(14))
    assert open_alerts(store, spec) == []


def test_an_event_is_sent_again_with_growing_pauses_until_somebody_begins(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    found = requests.request(store, registry, spec, PERSON, day(12))
    sent, at = [], day(12)
    for second in range(0, 1200, 10):
        later = at + timedelta(seconds=second)
        announcing.announce(store, later, lambda _, second=second: sent.append(second))
    assert sent == [0, 120, 360, 840]
    begun(store, spec, found)
    assert announcing.announce(store, day(20), lambda _: sent.append(-1)) == []
    assert sent[-1] == 840


def test_an_event_that_could_not_be_sent_is_sent_by_the_next_call(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    request = requests.request(store, registry, spec, PERSON, day(12)).retraining

    def fail(_: object) -> None:
        raise Unavailable("no Prefect server")

    with pytest.raises(Unavailable):
        announcing.announce(store, day(12), fail)
    assert requests.show(store, request.id).state == "wanted"
    (announced,) = announcing.announce(store, day(12), lambda _: None)
    assert announced.id == request.id
    assert requests.show(store, request.id).state == "announced"


def test_of_several_that_announce_at_once_one_sends(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    requests.request(store, registry, spec, PERSON, day(12))
    sent: list[object] = []
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(announcing.announce, store, day(12), sent.append)
    assert len(sent) == 1


def test_what_was_killed_is_given_up_and_told(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    begun(store, spec, requests.request(store, registry, spec, PERSON, day(12)))
    assert not requests.request(store, registry, spec, PERSON, day(12.1)).is_new
    assert requests.request(store, registry, spec, PERSON, day(12.3)).is_new
    assert states(store, spec) == [["wanted"], ["wanted", "started", "failed"]]
    assert "never ended" in open_alerts(store, spec)[0].what


def test_a_look_gives_up_what_was_killed_though_nothing_is_due(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    begun(store, spec, requests.request(store, registry, spec, PERSON, day(12)))
    many = replace(spec, split=replace(spec.split, least_rows=301))
    assert requests.look(store, registry, many, day(12.1)) is None
    assert states(store, spec) == [["wanted", "started"]]
    assert requests.look(store, registry, many, day(12.3)) is None
    assert states(store, spec) == [["wanted", "started", "failed"]]
    assert "never ended" in open_alerts(store, spec)[0].what


def test_while_a_rollout_goes_on_only_a_person_replaces_its_challenger(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    with store.begin() as connection:
        new = Rollout(0, spec.name, "1", "2", "actor", {}, 0, day(11))
        number = rollouts.add_rollout(connection, new).id
        rollouts.add_decision(
            connection, NewDecision(number, day(11), "start", 1, ("trial",), False, "ann", "start")
        )
    refused = requests.request(store, registry, spec, drift(), day(12)).retraining
    assert (refused.state, refused.reason.partition(";")[0]) == (
        "refused",
        "a rollout of version 2 goes on",
    )
    assert requests.look(store, registry, spec, day(12)) is None
    asked = requests.request(store, registry, spec, PERSON, day(12))
    assert asked.retraining.state == "wanted"
    retraining_course.end(
        store, begun(store, spec, asked), TrainingEnd("failed", "killed"), day(12)
    )
    with store.begin() as connection:
        rollouts.add_decision(
            connection,
            NewDecision(number, day(13), "roll back", 0, ("enough",), False, "ann", "stop"),
        )
    assert requests.look(store, registry, replace(spec, retraining=EAGER), day(13)) is not None


def test_the_history_is_only_added_to(store: Store, registry: Registry, spec: ModelSpec) -> None:
    requests.request(store, registry, spec, PERSON, day(12))
    for table in ("retrainings", "retraining_states"):
        with pytest.raises(DBAPIError), store.begin() as connection:
            connection.execute(text(f"DELETE FROM runlore.{table}"))


def test_where_nothing_serves_a_first_training_is_asked_for_once(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    found = requests.look(store, registry, spec, day(12))
    assert found is not None
    assert found.retraining.wanted.reason == "nothing serves yet"
    assert requests.look(store, registry, spec, day(12)) is None


def test_too_few_executions_ask_for_no_first_training(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    many = replace(spec, split=replace(spec.split, least_rows=301))
    assert requests.look(store, registry, many, day(12)) is None


def test_what_the_asker_knows_against_it_is_on_record(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    wish = replace(drift(), against="answered already")
    refused: Retraining = requests.request(store, registry, spec, wish, day(12)).retraining
    assert refused.state == "refused"
    assert refused.reason.startswith("answered already")


def test_a_budget_of_nothing_leaves_it_to_people(
    store: Store, registry: Registry, spec: ModelSpec
) -> None:
    never = replace(spec, retraining=RetrainingPolicy(budget=0))
    assert requests.request(store, registry, never, drift(), day(12)).retraining.state == (
        "refused"
    )
    assert requests.request(store, registry, never, PERSON, day(12)).retraining.state == "wanted"


def test_a_wish_needs_somebody_and_a_reason() -> None:
    with pytest.raises(BadInput, match="reason"):
        RetrainingCause("person", "ann", " ")


def test_an_unknown_request_says_where_to_look(store: Store) -> None:
    with pytest.raises(NotFound, match="runlore retrain list"):
        requests.show(store, 99)
