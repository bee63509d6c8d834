"""The loop on real parts, from drift to a challenger; the timeline is printed."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client

from flows import register
from flows.monitoring import monitor
from flows.retrain import retrain
from flows.rollout import rollout
from flows.runner import in_process
from flows.training import train
from runlore import registry, settings
from runlore.kernel import instants
from runlore.quality.actions.contract import Acceptance
from runlore.retraining.actions import requests
from runlore.retraining.actions.requests import RetrainingCause
from runlore.retraining.queries import Retraining
from runlore.serving.actions import promotion
from runlore.settings import Settings
from runlore.specs.model_spec import Gate, RetrainingPolicy
from runlore.stack import Stack, running
from runlore.store.engine import Store, open_store
from runlore.training.actions import challenge
from runlore.training.actions.training import train_spec
from tests.flows.turned_world import SPEC, tell
from tests.rollout.traffic import HOUR, Traffic, Version

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
NAME = SPEC.name
REPOSITORY = Path(__file__).parents[2]
DAYS_BEFORE, DAYS_AFTER = 30, 28
PATIENCE_S = 240.0
FROM_NOW = instants.now() + HOUR


@dataclass
class Timeline:
    """What happened when, in seconds from the first line."""

    began: float = field(default_factory=time.monotonic)

    def say(self, what: str) -> None:
        print(f"{time.monotonic() - self.began:7.1f} s  {what}")  # noqa: T201


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A Prefect server with a worker, in a home whose only spec is ours."""
    home = tmp_path_factory.mktemp("rl")
    specs = ("tests.flows.turned_world:SPEC",)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RUNLORE_DATABASE_URL", raising=False)
        patch.setenv("PYTHONPATH", str(REPOSITORY))
        patch.setenv("RUNLORE_HOME", str(home))
        patch.setenv("RUNLORE_SPECS", json.dumps(specs))
        wanted = Settings(home=home, database_url=None, specs=specs)
        with (
            running(wanted, ("prefect", "worker"), ports="free") as started,
            in_process(started.settings),
        ):
            yield started


@pytest.fixture
def client(stack: Stack) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def store(stack: Stack) -> Iterator[Store]:
    with open_store(settings.read()) as opened:
        yield opened


def deployed() -> list[dict[str, object]]:
    """Only what carries out requests: nothing else may begin by itself here."""
    every = register.read(REPOSITORY / "deployments" / "prefect.yaml", {"RUNLORE_HOME": "/home"})
    return [each for each in every if each["entrypoint"] == "flows.retrain.retrain"]


def awaited(store: Store, number: int, is_so: Callable[[Retraining], bool]) -> Retraining:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so(found := requests.show(store, number)):
        if time.monotonic() > deadline:
            pytest.fail(f"after {PATIENCE_S:.0f} s: {found}")
        time.sleep(0.2)
    return found


def has_ended(found: Retraining) -> bool:
    return found.state in ("done", "refused", "failed")


def champion_of(store: Store) -> dict[str, str]:
    known = registry.connect(settings.read(), store)
    return {alias: ref.version for alias, ref in known.aliases([NAME])[NAME].items()}


@pytest.fixture(scope="module")
def begin() -> datetime:
    return instants.now() - timedelta(days=DAYS_BEFORE + DAYS_AFTER)


def test_planted_drift_leads_to_a_challenger_through_an_event_and_an_automation(
    client: SyncPrefectClient, store: Store, begin: datetime
) -> None:
    line = Timeline()
    line.say(f"registered: {register.register(client, deployed())}")
    assert register.register(client, deployed()) == []
    turned = begin + timedelta(days=DAYS_BEFORE)
    tell(store, begin, DAYS_BEFORE, "before")
    told = train(NAME)
    line.say(f"trained on {DAYS_BEFORE} quiet days: version {told['version']}, @{told['alias']}")
    tell(store, turned, DAYS_AFTER, "after")
    for days in (7, 14):
        at = turned + timedelta(days=DAYS_AFTER - 14 + days)
        answer = monitor(NAME, 7.0, at.isoformat())
        line.say(f"monitored the week until {at:%Y-%m-%d}: {answer}")
        assert answer == "drift"
    (asked,) = requests.history(store, NAME)
    line.say(f"retraining {asked.id} is {asked.state} because of {asked.wanted.trigger}")
    assert asked.wanted.trigger == "drift"
    begun = awaited(store, asked.id, lambda found: found.state not in ("wanted", "announced"))
    line.say(f"the automation started it: {begun.state}, {begun.reason}")
    ended = awaited(store, asked.id, has_ended)
    line.say(f"{ended.state}: {ended.reason}")
    assert [step.state for step in ended.steps] == ["wanted", "announced", "started", "done"]
    assert champion_of(store) == {"champion": "1", "challenger": "2"}
    assert ended.steps[-1].evidence["challenge"]["gain"]["low"] > 0
    entry = promotion.as_of(store, NAME, instants.now())["challenger"]
    assert "of champion 1" in entry.reason


def test_a_request_handled_again_trains_nothing(store: Store) -> None:
    (asked,) = requests.history(store, NAME)
    state = retrain(asked.id, return_state=True)
    assert state.is_completed()
    assert "nothing to do" in (state.message or "")
    assert champion_of(store) == {"champion": "1", "challenger": "2"}


def test_the_same_facts_are_refused_to_a_person_too(store: Store) -> None:
    known = registry.connect(settings.read(), store)
    wish = RetrainingCause("person", "ann", "again")
    found = requests.request(store, known, SPEC, wish, instants.now()).retraining
    assert (found.state, found.wanted.new_labels) == ("refused", 0)


def ramp(traffic: Traffic, first_hour: int, line: Timeline) -> str:
    """Hours of traffic, in simulated time from now on, until the rollout is over."""
    for hour in range(first_hour, first_hour + 8):
        begin = FROM_NOW + hour * HOUR
        told = rollout(NAME, begin.isoformat())
        line.say(f"rollout at {begin:%m-%d %H:%M}, simulated: {told}")
        if told in ("promote", "roll back"):
            return str(told)
        traffic.run(begin + timedelta(minutes=2), 4_000, timedelta(minutes=50))
    return "undecided"


def digest_of(store: Store, version: str) -> str:
    return registry.connect(settings.read(), store).version(NAME, version).digest


def test_the_challenger_ramps_up_and_takes_over(store: Store) -> None:
    answers = {"champion": Version(), "challenger": Version()}
    versions = {"champion": "1", "challenger": "2"}
    good = Traffic(store, versions, digest_of(store, "2"), answers, SPEC)
    assert ramp(good, 0, Timeline()) == "promote"
    assert champion_of(store) == {"champion": "2"}


def test_a_challenger_that_serves_badly_is_rolled_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of the traffic that versions are compared on comes within hours here."""
    monkeypatch.setattr(challenge, "is_long_enough", lambda as_of_us: True)
    known = registry.connect(settings.read(), store)
    lenient = replace(
        SPEC,
        split=replace(SPEC.split, max_rows=3_000),
        gates=(Gate("auc", "bound", 0.0),),
        retraining=RetrainingPolicy(least_gain=-10.0),
    )
    accepted = Acceptance("ann", "traffic of another kind")
    found = train_spec(store, known, lenient, accepted=accepted)
    assert (found.version, found.alias) == ("3", "challenger"), found.reasons
    answers = {"champion": Version(), "challenger": Version(noise=0.45)}
    versions = {"champion": "2", "challenger": "3"}
    bad = Traffic(store, versions, digest_of(store, "3"), answers, SPEC, seed=1)
    assert ramp(bad, 20, Timeline()) == "roll back"
    assert champion_of(store)["champion"] == "2"


def test_an_automation_that_somebody_paused_stays_paused_when_it_is_registered_anew(
    client: SyncPrefectClient, stack: Stack
) -> None:
    register.register(client, deployed())
    (found,) = client.read_automations_by_name("runlore-retrain-on-request")
    client.pause_automation(found.id)
    assert register.register(client, deployed()) == []
    changed = deployed()
    trigger = changed[0]["triggers"][0]  # type: ignore[index]
    changed[0]["triggers"] = [{**trigger, "description": "Other words."}]
    assert "runlore-retrain-on-request" in register.register(client, changed)
    (after,) = client.read_automations_by_name("runlore-retrain-on-request")
    assert (after.id, after.enabled) == (found.id, False)
    assert after.description.startswith("Other words.")
    client.resume_automation(found.id)
