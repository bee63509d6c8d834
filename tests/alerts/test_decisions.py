"""What waits for a person is an alert with the command, until somebody has decided."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from handmade import register, write_bundle
from typer.testing import CliRunner

from runlore.alerts.queries import alerts, outbox
from runlore.alerts.queries.alerts import AlertQuery
from runlore.alerts.rules.state import AlertEpisode
from runlore.cli import app
from runlore.kernel import instants
from runlore.kernel.errors import DataRefused
from runlore.quality.actions import contract
from runlore.quality.actions.contract import Acceptance
from runlore.registry import Registry, connect
from runlore.reports.queries.figures import figures
from runlore.retraining.actions import course, requests
from runlore.retraining.actions.requests import RetrainingCause
from runlore.rollout.actions import steps
from runlore.rollout.actions.steps import RolloutContext
from runlore.rollout.rules.ramp import ManualOrder
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import CHALLENGER, Arms, ChangeReason
from runlore.settings import Settings
from runlore.store.engine import Store
from tasks.retraining import ending_of
from tests.handmade import SPECS
from tests.log.logged_work import Work, add, day

SPEC = SPECS["failure-risk"]
NAME = SPEC.name
ANN = ChangeReason("ann", "brier 0.1 against 0.2 of champion 1")
START = f'runlore rollout start {NAME} --reason "WHY"'


@pytest.fixture
def hand(store: Store, tmp_path: Path) -> Iterator[RolloutContext]:
    registry = connect(Settings(home=tmp_path), store)
    yield RolloutContext(store, registry, tmp_path / "serving")
    for alias in promotion.ALIASES:
        if registry.aliases([NAME])[NAME].get(alias):
            registry.remove_alias(NAME, alias)


def named(hand: RolloutContext, tmp_path: Path, *, starts_by_itself: bool = False) -> str:
    """A new version that has passed its gates; returns its number."""
    seed = instants.now().microsecond
    ref = register(hand.registry, write_bundle(tmp_path / f"{seed}", NAME, seed))
    promotion.announce(hand.store, hand.registry, ref, ANN, starts_by_itself=starts_by_itself)
    return ref.version


@pytest.fixture
def challenger(hand: RolloutContext, tmp_path: Path) -> str:
    """The version that waits beside a champion."""
    named(hand, tmp_path)
    return named(hand, tmp_path)


def decisions(store: Store, *, is_open: bool = True) -> list[AlertEpisode]:
    standing = "open" if is_open else "resolved"
    with store.begin() as connection:
        return alerts.read(connection, AlertQuery(standing, "decision"))


def test_a_new_challenger_needs_a_decision_with_its_command(
    hand: RolloutContext, challenger: str
) -> None:
    (pending,) = figures(hand.store).decisions
    assert pending.subject == f"{NAME} version {challenger}"
    assert pending.what == f"version {challenger} of {NAME} waits as @challenger: {ANN.reason}"
    assert pending.command == START
    (alert,) = decisions(hand.store)
    assert alert.advice == f"decide: {START}"
    with hand.store.begin() as connection:
        (notice,) = (notice for _, notice in outbox.undecided(connection))
    assert (notice.event, notice.is_held) == ("opened", False), "channels get it at once"


def test_the_first_champion_and_a_challenger_that_starts_by_itself_wait_for_nobody(
    hand: RolloutContext, tmp_path: Path
) -> None:
    named(hand, tmp_path)
    assert decisions(hand.store) == []
    named(hand, tmp_path, starts_by_itself=True)
    assert decisions(hand.store) == []


def started(hand: RolloutContext, tmp_path: Path) -> None:
    steps.start(hand, SPEC, instants.now(), ANN)


def promoted(hand: RolloutContext, tmp_path: Path) -> None:
    promotion.promote(hand.store, hand.registry, NAME, ANN)


def given_a_share(hand: RolloutContext, tmp_path: Path) -> None:
    promotion.set_arms(hand.store, hand.registry, NAME, Arms(share=0.1), ANN)


def withdrawn_elsewhere(hand: RolloutContext, tmp_path: Path) -> None:
    hand.registry.remove_alias(NAME, CHALLENGER)
    promotion.reconcile(hand.store, hand.registry, NAME)


@pytest.mark.parametrize("remedy", [started, promoted, given_a_share, withdrawn_elsewhere])
def test_what_decides_about_the_challenger_ends_the_alert(
    hand: RolloutContext, challenger: str, tmp_path: Path, remedy: object
) -> None:
    assert callable(remedy)
    remedy(hand, tmp_path)
    assert decisions(hand.store) == []
    (over,) = decisions(hand.store, is_open=False)
    assert over.subject == f"{NAME} version {challenger}"
    assert over.resolved_by in ("ann", promotion.ELSEWHERE)


def test_shadowing_decides_nothing(hand: RolloutContext, challenger: str) -> None:
    promotion.set_arms(hand.store, hand.registry, NAME, Arms(shadow=True), ANN)
    assert len(decisions(hand.store)) == 1


def test_a_newer_challenger_asks_anew_in_the_place_of_the_one_before(
    hand: RolloutContext, challenger: str, tmp_path: Path
) -> None:
    newer = named(hand, tmp_path)
    (alert,) = decisions(hand.store)
    assert alert.subject == f"{NAME} version {newer}"
    (over,) = decisions(hand.store, is_open=False)
    assert over.subject == f"{NAME} version {challenger}"


def test_a_rollout_that_a_person_holds_needs_a_decision_until_it_is_let_go(
    hand: RolloutContext, challenger: str
) -> None:
    at = instants.now()
    steps.start(hand, SPEC, at, ANN)
    steps.order(hand, SPEC, ManualOrder("bob", "holidays", "hold"), at + timedelta(minutes=1))
    (pending,) = figures(hand.store).decisions
    assert pending.what.endswith(
        f"version {challenger} of {NAME} is on hold by an order of bob: holidays"
    )
    assert pending.command == f'runlore rollout override {NAME} resume --reason "WHY"'
    steps.resume(hand, SPEC, at + timedelta(minutes=2), ChangeReason("bob", "back"))
    assert decisions(hand.store) == []


@pytest.mark.parametrize("action", ["stop", "promote"])
def test_an_order_that_ends_a_held_rollout_ends_the_alert(
    hand: RolloutContext, challenger: str, action: str
) -> None:
    at = instants.now()
    steps.start(hand, SPEC, at, ANN)
    steps.order(hand, SPEC, ManualOrder("bob", "holidays", "hold"), at)
    steps.order(hand, SPEC, ManualOrder("bob", "sure", action), at)  # type: ignore[arg-type]
    assert decisions(hand.store) == []


def refused_for_its_data(store: Store, registry: Registry) -> None:
    add(store, Work(300, 0, 10))
    wish = RetrainingCause("person", "ann", "a new release")
    wanted = requests.request(store, registry, SPEC, wish, day(12)).retraining
    begun = course.begin(store, SPEC, wanted.id, day(12))
    assert begun is not None
    course.end(store, begun, ending_of(DataRefused(NAME, ["size_gb is in kilobytes"])), day(12))


@pytest.mark.parametrize("accepted", [Acceptance("ann", "we moved"), None])
def test_refused_data_needs_a_decision_until_it_may_teach(
    hand: RolloutContext, accepted: Acceptance | None
) -> None:
    refused_for_its_data(hand.store, hand.registry)
    (pending,) = figures(hand.store).decisions
    assert pending.command == f'runlore train {NAME} --accept-data "WHY"'
    assert "size_gb is in kilobytes" in pending.what
    with hand.store.begin() as connection:
        assert alerts.read(connection, AlertQuery(kind="retraining")) == [], "one cause, one alert"
    contract.check_new(hand.store, hand.registry, SPEC, day(13), accepted)
    assert decisions(hand.store) == []


def test_a_challengers_change_leaves_the_decision_on_data_alone(
    hand: RolloutContext, challenger: str
) -> None:
    refused_for_its_data(hand.store, hand.registry)
    steps.start(hand, SPEC, instants.now(), ANN)
    assert [pending.subject for pending in figures(hand.store).decisions] == [NAME]


def test_status_names_what_waits_and_the_command(
    hand: RolloutContext, challenger: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", hand.store.url)
    shown = CliRunner().invoke(app, ["status"]).stdout
    assert f"needs a decision: version {challenger} of {NAME} waits as @challenger" in shown
    assert f"\n  {START}\n" in shown
    document = CliRunner().invoke(app, ["status", "--json"]).stdout
    assert '"command": "runlore rollout start failure-risk' in document


def test_a_start_shows_that_the_first_minute_is_not_counted(
    hand: RolloutContext, challenger: str
) -> None:
    at = instants.now()
    state = steps.start(hand, SPEC, at, ANN)
    look = steps.preview(hand.store, SPEC, state.newest.at)
    assert look.decision is not None
    assert not look.decision.alert
    (reason,) = look.decision.reasons
    assert reason.startswith("the first minute of a step is not counted: units count from ")
    later = steps.preview(hand.store, SPEC, state.newest.at + timedelta(minutes=2))
    assert later.decision is not None
    assert set(later.decision.reasons) == {
        "the champion got no traffic",
        "the challenger got no traffic",
    }


def test_the_command_rollout_start_finds_no_fault_with_the_clock(
    hand: RolloutContext,
    challenger: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("RUNLORE_DATABASE_URL", hand.store.url)
    monkeypatch.setenv("RUNLORE_HOME", str(tmp_path))
    shown = CliRunner().invoke(app, ["rollout", "start", NAME, "--reason", "trained on October"])
    assert shown.exit_code == 0, shown.output
    assert "clock" not in shown.stdout
    assert "got no traffic" not in shown.stdout
    assert "the first minute of a step is not counted" in shown.stdout
