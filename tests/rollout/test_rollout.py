"""A challenger climbs by evidence, falls by evidence; what is missing never promotes it."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from handmade import register, write_bundle
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from runlore.alerts.queries import alerts
from runlore.alerts.rules.finding import Severity
from runlore.alerts.rules.state import AlertEpisode
from runlore.kernel import instants
from runlore.kernel.errors import Refused, Unavailable
from runlore.kernel.moments import Moments
from runlore.registry import alias_history, connect
from runlore.rollout.actions import steps as rollout
from runlore.rollout.actions.rollout_state import SETTLE
from runlore.rollout.actions.steps import RolloutContext, RolloutLook
from runlore.rollout.queries import rollouts
from runlore.rollout.rules.ramp import ManualOrder
from runlore.rollout.views import report
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import CHALLENGER, CHAMPION, Arms, ChangeReason
from runlore.settings import Settings
from runlore.store.engine import Store
from runlore.store.engine import connect as connect_store
from tests.rollout.traffic import HOUR, SPEC, Traffic, Version

NAME = SPEC.name
BEGAN = instants.parse("2026-03-02T08:00:00Z")
ANN = ChangeReason("ann", "to see whether it is better")
SEED = 7_001
"""Of the bundles, whose digests say which units the challenger gets."""

GOOD, BAD = Version(), Version(noise=0.45)


@pytest.fixture
def hand(store: Store, tmp_path: Path) -> Iterator[RolloutContext]:
    registry = connect(Settings(home=tmp_path), store)
    yield RolloutContext(store, registry, tmp_path / "serving")
    for alias in promotion.ALIASES:
        if registry.aliases([NAME])[NAME].get(alias):
            registry.remove_alias(NAME, alias)


@pytest.fixture
def traffic(hand: RolloutContext, tmp_path: Path) -> Traffic:
    """A champion and a challenger that are as good as each other."""
    digests = {}
    for at, alias in enumerate((CHAMPION, CHALLENGER)):
        ref = register(hand.registry, write_bundle(tmp_path / alias, NAME, SEED + at))
        promotion.announce(hand.store, hand.registry, ref, ANN)
        digests[alias] = (ref.version, ref.digest)
    versions = {alias: version for alias, (version, _) in digests.items()}
    return Traffic(hand.store, versions, digests[CHALLENGER][1], {CHAMPION: GOOD, CHALLENGER: GOOD})


def climb(
    hand: RolloutContext, traffic: Traffic, hours: int = 12, units: int = 4_000
) -> list[RolloutLook]:
    """Look at the end of every hour until it is over."""
    found = []
    for hour in range(hours):
        begin = BEGAN + hour * HOUR
        traffic.run(begin + timedelta(minutes=2), units, timedelta(minutes=50))
        told = rollout.look(hand, SPEC, begin + HOUR)
        assert told is not None
        found.append(told)
        if told.state.is_over:
            break
    return found


def actions(looks: list[RolloutLook]) -> list[tuple[str, int]]:
    return [(each.state.newest.action, each.state.step) for each in looks]


def serving(hand: RolloutContext) -> dict[str, str]:
    found = hand.registry.aliases([NAME])[NAME]
    return {alias: each.version for alias, each in found.items()}


def share(hand: RolloutContext) -> float:
    return promotion.arms(hand.store).get(NAME, Arms()).share


def alert(hand: RolloutContext) -> "AlertEpisode | None":
    with hand.store.begin() as connection:
        found = alerts.last(connection, "rollout", NAME)
    return found if found is not None and found.is_open else None


def test_a_challenger_as_good_as_the_champion_is_promoted_step_by_step(
    hand: RolloutContext, traffic: Traffic
) -> None:
    rollout.start(hand, SPEC, BEGAN, ANN)
    assert share(hand) == 0.2
    looks = climb(hand, traffic)
    assert actions(looks)[-1] == ("promote", 100)
    steps = [step for _, step in actions(looks)]
    assert steps == sorted(steps)
    assert 50 in steps
    assert serving(hand) == {CHAMPION: traffic.versions[CHALLENGER]}
    assert share(hand) == 0
    assert alert(hand) is None
    promoted = alias_history.entries(hand.store, NAME)[-2]
    assert (promoted.action, promoted.actor) == ("promote", "runlore")
    assert "brier loses no more than" in promoted.reason
    assert (
        promotion.rollback(hand.store, hand.registry, NAME, ANN).version
        == (traffic.versions[CHAMPION])
    )
    assert promotion.audit(hand.store) == []


def test_a_worse_challenger_loses_its_units_and_people_are_told(
    hand: RolloutContext, traffic: Traffic
) -> None:
    traffic.answers = {CHAMPION: GOOD, CHALLENGER: BAD}
    rollout.start(hand, SPEC, BEGAN, ANN)
    looks = climb(hand, traffic)
    assert actions(looks)[-1] == ("roll back", 0)
    assert share(hand) == 0
    assert serving(hand)[CHAMPION] == traffic.versions[CHAMPION]
    told = alert(hand)
    assert told is not None
    assert told.severity is Severity.CRITICAL
    assert "brier loses more than" in told.what


@pytest.mark.parametrize(
    ("worse", "guardrail"),
    [
        (Version(latency_ms=30.0), "latency_ms"),
        (Version(errors=0.2), "errors"),
        (Version(refusals=0.2), "refusals"),
    ],
)
def test_a_broken_guardrail_rolls_back_whatever_the_score(
    hand: RolloutContext, traffic: Traffic, worse: Version, guardrail: str
) -> None:
    traffic.answers = {CHAMPION: GOOD, CHALLENGER: worse}
    rollout.start(hand, SPEC, BEGAN, ANN)
    looks = climb(hand, traffic)
    assert actions(looks)[-1] == ("roll back", 0)
    assert f"guardrail {guardrail} loses more" in looks[-1].state.newest.reasons[0]


def test_without_traffic_nothing_moves_and_only_lasting_silence_calls_people(
    hand: RolloutContext, traffic: Traffic
) -> None:
    rollout.start(hand, SPEC, BEGAN, ANN)
    told = []
    for hour in (1, 5, 7, 12):
        looked = rollout.look(hand, SPEC, BEGAN + hour * HOUR)
        assert looked is not None
        told.append((looked.state.newest.action, looked.state.step, alert(hand) is not None))
    assert told == [("hold", 20, False)] * 2 + [("hold", 20, True)] * 2


def test_a_silent_arm_a_renamed_arm_and_missing_outcomes_hold(
    hand: RolloutContext, traffic: Traffic
) -> None:
    rollout.start(hand, SPEC, BEGAN, ANN)
    traffic.told = {CHALLENGER: 0.5}
    [first] = climb(hand, traffic, hours=1)
    assert first.state.newest.action == "hold"
    assert "brier is known of" in first.state.newest.reasons[0]
    traffic.named = {CHALLENGER: "rival"}
    traffic.run(BEGAN + HOUR + timedelta(minutes=2), 500)
    second = rollout.look(hand, SPEC, BEGAN + 2 * HOUR)
    assert second is not None
    assert second.state.newest.action == "hold"
    assert "rival with version" in second.state.newest.reasons[0]
    assert second.state.newest.is_alert


def test_outcomes_that_come_late_hold_until_units_were_followed_for_longer(
    hand: RolloutContext, traffic: Traffic
) -> None:
    """Outcomes come after 5 minutes, some never; they are due after 400 s."""
    hasty = replace(SPEC, rollout=replace(SPEC.rollout, outcome_due_s=400.0))
    rollout.start(hand, hasty, BEGAN, ANN)
    traffic.told = {CHAMPION: 0.95, CHALLENGER: 0.95}
    traffic.run(BEGAN + timedelta(minutes=2), 4_000, timedelta(minutes=9))
    young = rollout.preview(hand.store, hasty, BEGAN + timedelta(minutes=12))
    assert young.decision is not None
    assert young.decision.action == "hold"
    assert "units must be followed for 0.222 h" in young.decision.reasons[0]
    document = report.document(young)
    counted_from = young.state.strata()[0].span.begins
    assert document["expected_at"] == (counted_from + timedelta(seconds=800)).isoformat()
    assert "Expected about 2026-03-02 08:14 UTC" in document["advice"]
    assert document["metrics"][0]["answer"] == "outcomes come late"
    [old] = climb(hand, traffic, hours=1)
    assert (old.state.newest.action, old.state.step) == ("advance", 50)
    assert old.evidence is not None
    arm = old.evidence.strata[-1].arms[CHALLENGER]
    assert arm.follow_ups["brier"][0].known == arm.metrics["brier"]
    assert report.document(old)["expected_at"] is None


def test_arms_without_their_shares_hold_and_alert(hand: RolloutContext, traffic: Traffic) -> None:
    rollout.start(hand, SPEC, BEGAN, ANN)
    change = ChangeReason("eve", "by the back door")
    promotion.set_arms(hand.store, hand.registry, NAME, Arms(0.3, "execution"), change)
    [looked] = climb(hand, traffic, hours=1)
    assert looked.state.newest.action == "hold"
    assert "arms did not get their shares" in looked.state.newest.reasons[0]
    assert alert(hand) is not None


def test_one_answer_that_is_no_number_holds(hand: RolloutContext, traffic: Traffic) -> None:
    rollout.start(hand, SPEC, BEGAN, ANN)
    traffic.run(BEGAN + timedelta(minutes=2), 2_000, timedelta(minutes=50))
    with hand.store.begin() as connection:
        one = "(SELECT id FROM runlore.ledger WHERE arm = 'challenger' LIMIT 1)"
        connection.execute(text(f"UPDATE runlore.ledger SET prediction = 'NaN' WHERE id = {one}"))
    looked = rollout.look(hand, SPEC, BEGAN + HOUR)
    assert looked is not None
    assert looked.state.newest.action == "hold"
    assert "brier of the challenger holds values that are no numbers" in (
        looked.state.newest.reasons
    )


def test_a_fall_needs_no_registry_and_a_climb_does(
    hand: RolloutContext, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Unavailable("MLflow is away")

    rollout.start(hand, SPEC, BEGAN, ANN)
    traffic.run(BEGAN + timedelta(minutes=2), 4_000, timedelta(minutes=50))
    monkeypatch.setattr(type(hand.registry), "aliases", away)
    with pytest.raises(Unavailable):
        rollout.look(hand, SPEC, BEGAN + HOUR)
    traffic.answers = {CHAMPION: GOOD, CHALLENGER: Version(errors=0.5)}
    traffic.run(BEGAN + HOUR, 4_000, timedelta(minutes=50))
    looked = rollout.look(hand, SPEC, BEGAN + 2 * HOUR)
    assert looked is not None
    assert looked.state.newest.action == "roll back"
    assert share(hand) == 0
    monkeypatch.undo()


def test_a_challenger_that_shadows_goes_on_to(hand: RolloutContext, traffic: Traffic) -> None:
    promotion.set_arms(hand.store, hand.registry, NAME, Arms(shadow=True), ANN)
    rollout.start(hand, SPEC, BEGAN, ANN)
    assert promotion.arms(hand.store)[NAME] == Arms(0.2, "execution", shadow=True)


def test_clocks_that_jump_hold(hand: RolloutContext, traffic: Traffic) -> None:
    rollout.start(hand, SPEC, BEGAN, ANN)
    traffic.run(BEGAN + timedelta(minutes=2), 2_000)
    back = rollout.look(hand, SPEC, BEGAN - HOUR)
    far = rollout.look(hand, SPEC, BEGAN + timedelta(days=30))
    assert back is not None
    assert far is not None
    assert "the clock went back" in back.state.newest.reasons[0]
    assert far.state.newest.action == "hold"
    assert far.state.newest.is_alert


def test_repeated_requests_count_a_unit_once(hand: RolloutContext, traffic: Traffic) -> None:
    rollout.start(hand, SPEC, BEGAN, ANN)
    traffic.run(BEGAN + timedelta(minutes=2), 1_000, timedelta(minutes=20))
    once = rollout.preview(hand.store, SPEC, BEGAN + HOUR).evidence
    with hand.store.begin() as connection:
        copied = "at + interval '2 minutes', gen_random_uuid(), spec, version, arm, status, as_of"
        rest = "source, source_id, request, 1 - prediction, 500"
        names = "at, id, spec, version, arm, status, as_of, source, source_id, request"
        connection.execute(
            text(
                f"INSERT INTO runlore.ledger ({names}, prediction, latency_ms)"
                f" SELECT {copied}, {rest} FROM runlore.ledger"
            )
        )
    twice = rollout.preview(hand.store, SPEC, BEGAN + HOUR).evidence
    assert once is not None
    assert twice is not None
    for arm in (CHAMPION, CHALLENGER):
        one, other = once.strata[-1].arms[arm], twice.strata[-1].arms[arm]
        assert one.assigned == other.assigned
        before, after = one.metrics["brier"], other.metrics["brier"]
        assert isinstance(before, Moments)
        assert isinstance(after, Moments)
        assert after.n == before.n
        assert after.means == pytest.approx(before.means)


def test_while_the_database_is_away_everything_stays_as_it_is(
    hand: RolloutContext, traffic: Traffic
) -> None:
    rollout.start(hand, SPEC, BEGAN, ANN)
    traffic.run(BEGAN + timedelta(minutes=2), 1_000)
    nowhere = connect_store("postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=1")
    with pytest.raises(Unavailable):
        rollout.look(replace(hand, store=nowhere), SPEC, BEGAN + HOUR)
    assert share(hand) == 0.2
    assert serving(hand) == traffic.versions


def test_a_query_that_fails_is_a_decision_to_hold(
    hand: RolloutContext, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runlore.rollout.queries import evidence

    rollout.start(hand, SPEC, BEGAN, ANN)
    monkeypatch.setattr(evidence, "PATIENCE_S", 0.001)
    monkeypatch.setattr(evidence, "QUERY", "SELECT pg_sleep(1) WHERE {unit} <> ''")
    looked = rollout.look(hand, SPEC, BEGAN + HOUR)
    assert looked is not None
    assert looked.state.newest.action == "hold"
    assert "could not be read" in looked.state.newest.reasons[0]


def test_two_who_look_at_once_decide_once(hand: RolloutContext, traffic: Traffic) -> None:
    rollout.start(hand, SPEC, BEGAN, ANN)
    traffic.run(BEGAN + timedelta(minutes=2), 4_000, timedelta(minutes=50))
    gate, looks = threading.Barrier(3), []

    def look() -> None:
        gate.wait()
        looks.append(rollout.look(hand, SPEC, BEGAN + HOUR))

    threads = [threading.Thread(target=look) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    with hand.store.begin() as connection:
        found = rollouts.history(connection, looks[0].state.rollout.id)
    advanced = [each for each in found if each.action == "advance"]
    assert len(advanced) == 1
    assert share(hand) == 0.5
    assert sum(each.is_new for each in looks) == len(found) - 1


def test_a_share_begins_when_its_change_is_written_however_long_that_takes(
    hand: RolloutContext, traffic: Traffic
) -> None:
    """Until then workers assign units by the share before."""
    started = rollout.start(hand, SPEC, BEGAN, ANN)
    traffic.run(BEGAN + timedelta(minutes=2), 4_000, timedelta(minutes=50))
    is_held = threading.Event()

    def hold() -> None:
        with alias_history.writing(hand.store):
            is_held.set()
            time.sleep(2)

    thread = threading.Thread(target=hold)
    thread.start()
    is_held.wait()
    looked = rollout.look(hand, SPEC, BEGAN + HOUR)
    thread.join()
    assert looked is not None
    first, second = looked.state.strata()
    assert (first.share, second.share) == (0.2, 0.5)
    assert second.span.begins > BEGAN + HOUR + SETTLE + timedelta(seconds=1)
    assert first.span.ends == second.span.begins - SETTLE
    assert BEGAN < started.newest.at < BEGAN + timedelta(seconds=30)
    assert looked.evidence is not None
    assert looked.evidence.at == BEGAN + HOUR


def test_a_promotion_that_was_killed_between_its_aliases_is_finished(
    hand: RolloutContext, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout.start(hand, SPEC, BEGAN, ANN)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    wanted = ManualOrder("ann", "now", "promote")
    with monkeypatch.context() as patch:
        patch.setattr(type(hand.registry), "remove_alias", die)
        with pytest.raises(KeyboardInterrupt):
            rollout.order(hand, SPEC, wanted, BEGAN + HOUR)
    rival = traffic.versions[CHALLENGER]
    assert serving(hand) == {CHAMPION: rival, CHALLENGER: rival}
    looked = rollout.look(hand, SPEC, BEGAN + 2 * HOUR)
    assert looked is not None
    assert (looked.state.newest.action, looked.state.is_over) == ("promote", True)
    assert serving(hand) == {CHAMPION: rival}
    assert promotion.audit(hand.store) == []


def test_a_person_holds_resumes_steps_and_stops_and_is_on_record(
    hand: RolloutContext, traffic: Traffic
) -> None:
    rollout.start(hand, SPEC, BEGAN, ANN)
    rollout.order(
        hand, SPEC, ManualOrder("bob", "over lunch", "hold"), BEGAN + timedelta(minutes=5)
    )
    [held] = climb(hand, traffic, hours=1)
    assert held.state.newest.reasons[0].endswith("bob: over lunch")
    assert held.state.newest.reasons[1].startswith("the rule would advance")
    rollout.resume(hand, SPEC, BEGAN + HOUR, ChangeReason("bob", "back"))
    rollout.order(hand, SPEC, ManualOrder("bob", "I am sure", "step", 50), BEGAN + HOUR)
    assert share(hand) == 0.5
    done = rollout.order(hand, SPEC, ManualOrder("bob", "a doubt", "stop"), BEGAN + 2 * HOUR)
    assert share(hand) == 0
    assert [(each.actor, each.ordered) for each in done.state.history] == [
        ("ann", "start"),
        ("bob", "hold"),
        ("runlore", None),
        ("bob", "resume"),
        ("bob", "step"),
        ("bob", "stop"),
    ]
    with pytest.raises(Refused, match="no rollout goes on"):
        rollout.order(hand, SPEC, ManualOrder("bob", "again", "stop"), BEGAN + 3 * HOUR)


def test_a_broken_guardrail_rolls_back_what_a_person_holds(
    hand: RolloutContext, traffic: Traffic
) -> None:
    traffic.answers = {CHAMPION: GOOD, CHALLENGER: Version(errors=0.3)}
    rollout.start(hand, SPEC, BEGAN, ANN)
    rollout.order(hand, SPEC, ManualOrder("bob", "wait", "hold"), BEGAN + timedelta(minutes=1))
    assert actions(climb(hand, traffic))[-1] == ("roll back", 0)


def test_a_newer_challenger_ends_the_rollout_of_the_one_before(
    hand: RolloutContext, traffic: Traffic, tmp_path: Path
) -> None:
    own = replace(SPEC, rollout=replace(SPEC.rollout, starts="by itself"))
    first = rollout.look(hand, own, BEGAN)
    assert first is not None
    assert first.state.newest.actor == "runlore"
    newer = register(hand.registry, write_bundle(tmp_path / "newer", NAME, SEED + 2))
    promotion.announce(hand.store, hand.registry, newer, ANN)
    ended = rollout.look(hand, own, BEGAN + HOUR)
    assert ended is not None
    assert (ended.state.newest.action, share(hand)) == ("roll back", 0)
    begun = rollout.look(hand, own, BEGAN + 2 * HOUR)
    assert begun is not None
    assert begun.state.rollout.challenger == newer.version
    rollout.order(hand, own, ManualOrder("ann", "no", "stop"), BEGAN + 3 * HOUR)
    assert rollout.look(hand, own, BEGAN + 4 * HOUR) is None


def test_starting_anew_ends_what_no_longer_serves(hand: RolloutContext, traffic: Traffic) -> None:
    rollout.start(hand, SPEC, BEGAN, ANN)
    first = rollout.preview(hand.store, SPEC, BEGAN).state.rollout
    hand.registry.set_alias(NAME, CHAMPION, traffic.versions[CHALLENGER])
    hand.registry.set_alias(NAME, CHALLENGER, traffic.versions[CHAMPION])
    begun = rollout.start(hand, SPEC, BEGAN + HOUR, ANN)
    assert begun.rollout.challenger == traffic.versions[CHAMPION]
    assert share(hand) == 0.2
    with hand.store.begin() as connection:
        ended = rollouts.history(connection, first.id)[-1]
    assert ended.action == "promote"
    assert ended.reasons[0].endswith("was found to be @champion already")


def test_a_rollout_needs_two_versions_and_there_is_one_at_a_time(
    hand: RolloutContext, traffic: Traffic
) -> None:
    rollout.start(hand, SPEC, BEGAN, ANN)
    with pytest.raises(Refused, match="is on its way at 20 %"):
        rollout.start(hand, SPEC, BEGAN, ANN)
    rollout.order(hand, SPEC, ManualOrder("ann", "no", "stop"), BEGAN + HOUR)
    hand.registry.remove_alias(NAME, CHALLENGER)
    with pytest.raises(Refused, match="needs a @champion and a @challenger"):
        rollout.start(hand, SPEC, BEGAN, ANN)


def test_decisions_are_only_ever_added(hand: RolloutContext, traffic: Traffic) -> None:
    rollout.start(hand, SPEC, BEGAN, ANN)
    for table in ("rollouts", "rollout_decisions"):
        with pytest.raises(DBAPIError, match="only ever added"), hand.store.begin() as connection:
            connection.execute(text(f"DELETE FROM runlore.{table}"))


def test_evidence_and_readings_are_kept_with_each_decision(
    hand: RolloutContext, traffic: Traffic
) -> None:
    rollout.start(hand, SPEC, BEGAN, ANN)
    climb(hand, traffic, hours=1)
    state = rollout.preview(hand.store, SPEC, BEGAN + HOUR).state
    with hand.store.begin() as connection:
        kept = rollouts.history(connection, state.rollout.id, is_brief=False)[-1]
    arms = kept.evidence["strata"][0]["arms"]
    assert arms[CHAMPION]["assigned"] + arms[CHALLENGER]["assigned"] == 4_000
    assert {each["metric"] for each in kept.readings["metrics"]} >= {"brier", "latency_ms"}
    assert kept.readings["sample_ratio"]["method"] == "sequential"
