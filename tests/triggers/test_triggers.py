"""What becomes due is said to Prefect at once, once, and again when nothing comes of it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from runlore.alerts.actions import decisions
from runlore.kernel import instants
from runlore.kernel.errors import Unavailable
from runlore.registry import alias_history
from runlore.registry.alias_history import Change
from runlore.retraining import queries
from runlore.retraining.queries import RetrainingRequest, RetrainingStep
from runlore.rollout.queries import rollouts
from runlore.rollout.queries.rollouts import Action, NewDecision, Rollout
from runlore.serving.actions import waiting_challenger
from runlore.specs.model_spec import ModelSpec, RetrainingPolicy
from runlore.store.engine import Store
from runlore.store.schema.ab import ab_tests
from runlore.triggers import actions
from runlore.triggers.actions import Speaker
from runlore.web.prefect_api import PrefectApi
from tests.flows import quick_specs
from tests.log.logged_work import Work, add

SPEC = quick_specs.RISK
START = instants.now()


@dataclass(frozen=True)
class Recorded(PrefectApi):
    """A Prefect server that remembers the events, or does not answer."""

    url: str = ""
    home: None = None
    events: list[tuple[str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    heard: threading.Event = field(default_factory=threading.Event)

    def post(self, path: str, body: object) -> None:
        assert path == "/events"
        assert isinstance(body, list)
        if self.failures:
            raise Unavailable(self.failures.pop())
        for event in body:
            self.events.append((event["event"], event["resource"]["prefect.resource.id"]))
        self.heard.set()


@pytest.fixture
def prefect() -> Recorded:
    return Recorded()


def resource(spec: ModelSpec = SPEC) -> str:
    return f"runlore.spec.{spec.name}"


def start_rollout(store: Store, action: Action = "start") -> int:
    with store.begin() as connection:
        new = Rollout(0, SPEC.name, "1", "2", "execution", {}, 60, START)
        number = rollouts.add_rollout(connection, new).id
    decide(store, number, action)
    return number


def decide(store: Store, rollout: int, action: Action) -> None:
    with store.begin() as connection:
        rollouts.add_decision(
            connection, NewDecision(rollout, START, action, 1, ("because",), False, "ann")
        )


def request_training(store: Store) -> None:
    request = RetrainingRequest(START, SPEC.name, "person", "ann", "why", None, "b", 1, 1)
    with store.begin() as connection:
        queries.add(connection, request, RetrainingStep(START, "wanted", "asked for"))


def start_test(store: Store) -> None:
    values: dict[str, Any] = {"name": "t", "plan": {}, "design": {}, "exposure": 1.0}
    with store.begin() as connection:
        connection.execute(ab_tests.insert().values(**values, created_at=START, started_at=START))


def name_champion(store: Store, at: datetime | None = None) -> None:
    with alias_history.writing(store) as history:
        history.add(Change(SPEC.name, "champion", "1", "announce", "ann", "first"))


def later(seconds: float) -> datetime:
    return instants.now() + timedelta(seconds=seconds)


@contextmanager
def watching(store: Store, prefect: Recorded) -> Iterator[None]:
    end = threading.Event()
    thread = threading.Thread(target=actions.watch, args=(store, prefect, [SPEC], end))
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join(60)
        assert not thread.is_alive()


def test_nothing_is_said_while_nothing_is_due(store: Store, prefect: Recorded) -> None:
    speaker = Speaker(store, prefect, [SPEC])
    assert speaker.speak(instants.now()) == actions.LOOK_S
    decide(store, start_rollout(store), "promote")
    name_champion(store)
    for hours in range(5):
        speaker.speak(later(hours * 3600))
    assert prefect.events == []


def test_a_rollout_is_said_after_its_start_and_again_only_when_nobody_looked(
    store: Store, prefect: Recorded
) -> None:
    speaker, number = Speaker(store, prefect, [SPEC]), start_rollout(store)
    assert speaker.speak(instants.now()) < 91
    assert prefect.events == []
    speaker.speak(later(92))
    speaker.speak(later(150))
    assert prefect.events == [("runlore.rollout.due", resource())]
    speaker.speak(later(92 + 121))
    assert len(prefect.events) == 2
    decide(store, number, "hold")
    speaker.speak(later(295))
    assert len(prefect.events) == 2
    speaker.speak(later(301))
    assert len(prefect.events) == 3


def test_a_rollout_that_begins_by_itself_is_said_as_soon_as_there_is_a_challenger(
    store: Store, prefect: Recorded
) -> None:
    own = replace(SPEC, rollout=replace(SPEC.rollout, starts="by itself"))
    with alias_history.writing(store) as history:
        history.add(Change(SPEC.name, "challenger", "2", "announce", "ann", "second"))
    Speaker(store, prefect, [SPEC]).speak(instants.now())
    assert prefect.events == []
    Speaker(store, prefect, [own]).speak(instants.now())
    assert prefect.events == [("runlore.rollout.due", resource())]
    start_rollout(store)
    Speaker(store, prefect, [own]).speak(instants.now())
    assert len(prefect.events) == 1


def test_a_challenger_that_waited_before_anybody_asked_is_asked_about_once(
    store: Store, prefect: Recorded
) -> None:
    with alias_history.writing(store) as history:
        history.add(Change(SPEC.name, "challenger", "2", "announce", "ann", "second"))
    own = replace(SPEC, rollout=replace(SPEC.rollout, starts="by itself"))
    Speaker(store, prefect, [own]).speak(instants.now())
    assert waiting(store) == []
    for _ in range(2):
        Speaker(store, prefect, [SPEC]).speak(instants.now())
        assert waiting(store) == ["runlore rollout start " + f'{SPEC.name} --reason "WHY"']
    with alias_history.writing(store) as history:
        share = {"share": 0.5, "unit": "actor", "shadow": False}
        arms = Change(SPEC.name, "challenger", "2", "arms", "ann", "x", share)
        waiting_challenger.settle(history, history.add(arms))
    Speaker(store, prefect, [SPEC]).speak(instants.now())
    assert waiting(store) == []


def test_a_decision_that_a_person_took_is_not_asked_for_again_by_the_same_process(
    store: Store, prefect: Recorded
) -> None:
    with alias_history.writing(store) as history:
        history.add(Change(SPEC.name, "challenger", "2", "announce", "ann", "second"))
    speaker = Speaker(store, prefect, [SPEC])
    speaker.speak(instants.now())
    with store.begin() as connection:
        (pending,) = decisions.pending(connection, (SPEC.name,))
        decisions.settle(connection, pending.subject, instants.now(), "ann")
    speaker.speak(instants.now())
    assert waiting(store) == []


def waiting(store: Store) -> list[str]:
    with store.begin() as connection:
        return [pending.command for pending in decisions.pending(connection, (SPEC.name,))]


def test_tests_that_run_are_said_together(store: Store, prefect: Recorded) -> None:
    start_test(store)
    speaker = Speaker(store, prefect, [SPEC])
    speaker.speak(later(95))
    assert prefect.events == [("runlore.ab.due", "runlore.ab")]


def test_a_training_is_said_to_be_due_when_nothing_serves_and_enough_is_known(
    store: Store, prefect: Recorded
) -> None:
    Speaker(store, prefect, [SPEC]).speak(instants.now())
    assert prefect.events == []
    add(store, Work(300, 0, 10))
    Speaker(store, prefect, [SPEC]).speak(instants.now())
    assert prefect.events == [("runlore.retraining.due", resource())]
    name_champion(store)
    Speaker(store, prefect, [SPEC]).speak(later(400))
    assert len(prefect.events) == 1


@pytest.mark.parametrize(
    ("policy", "days", "is_due"),
    [
        (RetrainingPolicy(every_s=86_400.0), 0.9, False),
        (RetrainingPolicy(every_s=86_400.0), 1.1, True),
        (RetrainingPolicy(every_s=86_400.0, budget=0), 1.1, False),
        (RetrainingPolicy(enough_new_labels=10_000), 1.1, False),
    ],
)
def test_a_training_is_said_to_be_due_by_the_policy(
    store: Store, prefect: Recorded, policy: RetrainingPolicy, days: float, *, is_due: bool
) -> None:
    add(store, Work(300, 0, 10))
    name_champion(store)
    own = replace(SPEC, retraining=policy)
    Speaker(store, prefect, [own]).speak(later(days * 86_400))
    assert bool(prefect.events) == is_due


def test_a_request_is_heard_at_once(store: Store, prefect: Recorded) -> None:
    with watching(store, prefect):
        time.sleep(0.5)
        began = time.monotonic()
        request_training(store)
        assert prefect.heard.wait(60)
        assert time.monotonic() - began < 1.0
    assert prefect.events == [("runlore.retraining.wanted", resource())]
    with store.begin() as connection:
        [request] = queries.history(connection)
    assert request.state == "announced"


def test_what_prefect_did_not_take_is_said_again(
    store: Store, prefect: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "RETRY_S", 0.1)
    prefect.failures.append("away")
    request_training(store)
    with watching(store, prefect):
        assert prefect.heard.wait(60)
    assert prefect.events == [("runlore.retraining.wanted", resource())]


def test_of_two_that_watch_one_speaks(store: Store, prefect: Recorded) -> None:
    add(store, Work(300, 0, 10))
    with watching(store, prefect), watching(store, prefect):
        assert prefect.heard.wait(60)
        time.sleep(0.5)
    assert prefect.events == [("runlore.retraining.due", resource())]
