"""A/B tests: plan one, start it, deal out variants, show it to more units, stop it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from runlore.alerts.actions.handling import resolve_alert
from runlore.alerts.rules.finding import LONGEST_SUBJECT, line
from runlore.experiments.actions.plan import Plan
from runlore.experiments.queries import experiments, unit_events
from runlore.experiments.queries.experiments import AbTest, Action
from runlore.experiments.queries.unit_events import ExposedUnit
from runlore.experiments.rules import assignment
from runlore.experiments.rules.assignment import GroupShare, free_slot
from runlore.kernel.durations import CLOCK_TOLERANCE_S
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.kernel.json_values import as_json
from runlore.store.engine import Connection, Store

# Kinds of the alerts about a test, in the order in which they are raised.
GUARDRAIL, MISSING, SAMPLE_RATIO = ALERTS = ("guardrail", "missing-outcomes", "sample-ratio")
LONGEST_ACTOR, LONGEST_REASON = 100, 500


@dataclass(frozen=True)
class Attribution:
    """Who acts, when, and why."""

    actor: str
    at: datetime
    reason: str = ""

    def __post_init__(self) -> None:
        if not self.actor.strip() or self.actor != line(self.actor, LONGEST_ACTOR):
            raise BadInput(f"actor: not one line of 1 to {LONGEST_ACTOR} letters", "actor")
        object.__setattr__(self, "reason", line(self.reason, LONGEST_REASON))

    def action(self, name: str) -> Action:
        return Action(self.at, name, self.actor, self.reason)


@dataclass(frozen=True)
class SeenUnit:
    """A unit that comes to a test that does not deal variants out itself."""

    unit: str
    variant: str
    at: datetime | None = None


@dataclass(frozen=True)
class AssignedUnit:
    """variant: what the unit is to get. is_in_test: its outcomes count."""

    unit: str
    variant: str
    is_in_test: bool
    exposed_at: datetime | None = None


@dataclass(frozen=True)
class SeenUnits:
    """rejects: (place, unit, reason)."""

    given: int
    taken: int
    known: int
    rejects: tuple[tuple[int, str, str], ...]


def create(
    store: Store, plan: Plan, by: Attribution, *, may_replace: bool = False
) -> tuple[AbTest, bool]:
    """Plan a test; returns it, and whether it is new.

    The same plan again returns the stored test. Refused with another plan of that name,
    unless it may replace one that has not started.
    """
    document = plan.model_dump(mode="json")
    with store.begin() as connection:
        experiments.be_alone(connection)
        known = experiments.find(connection, plan.name, locked=True)
        if known is not None and Plan.model_validate(known.plan) == plan:
            return known, False
        plan.design(None)
        if known is not None:
            _check_replaced(known, may_replace=may_replace)
        design = plan.design(_slot(connection, plan, known))
        if known is None:
            made = experiments.add(connection, document, as_json(design), by.at)
        else:
            changes = {"plan": document, "design": as_json(design), "exposure": design.exposure}
            made = experiments.change(connection, known, **changes)
        experiments.note(connection, made, by.action("replaced" if known else "created"))
        return made, True


def start(store: Store, name: str | UUID, by: Attribution) -> AbTest:
    """Start a test: units are assigned from now on. A running test is left as it is."""
    with store.begin() as connection:
        test = known(connection, name, locked=True)
        if test.state == "running":
            return test
        if test.state != "created":
            raise Refused(f"A/B test {test.name!r} is over; plan another one")
        Plan.model_validate(test.plan).check_window()
        experiments.note(connection, test, by.action("started"))
        return experiments.change(connection, test, started_at=by.at)


def expose(store: Store, name: str | UUID, share: float, by: Attribution) -> AbTest:
    """Raise the share of units that take part. Those that take part keep their variant."""
    if not 0 < share <= 1:
        raise BadInput(f"exposure: {share} is not above 0 and at most 1", "exposure")
    with store.begin() as connection:
        test = known(connection, name, locked=True)
        check_running(test)
        if Plan.model_validate(test.plan).units != "runlore":
            raise Refused(f"A/B test {test.name!r} does not deal its variants out itself")
        design = test.design.exposed_to(share)
        experiments.note(connection, test, by.action(f"exposed to {share:.4g}"))
        return experiments.change(connection, test, exposure=design.exposure)


def stop(store: Store, name: str | UUID, by: Attribution) -> AbTest:
    """End a test without a winner, and its alerts. A test that is over stays as it is."""
    with store.begin() as connection:
        test = known(connection, name, locked=True)
        if test.ended_as is not None:
            return test
        experiments.note(connection, test, by.action("stopped"))
        end_alerts(connection, test, by.at)
        return experiments.change(connection, test, ended_at=by.at, ended_as="stopped")


def find(store: Store, name: str | UUID) -> AbTest:
    """Return the test with this name or public id. Raises NotFound if there is none."""
    with store.begin() as connection:
        return known(connection, name)


def every(store: Store) -> list[AbTest]:
    """The newest first."""
    with store.begin() as connection:
        return experiments.every(connection)


def assign(
    store: Store, name: str | UUID, units: Sequence[str], at: datetime
) -> list[AssignedUnit]:
    """Assign each unit its variant, which is stored when the unit is first seen.

    A unit outside gets the control. Once the test is over new units get the winner, if there is
    one, and are not counted.
    """
    with store.begin() as connection:
        test = known(connection, name)
        if test.state == "created":
            raise Refused(f"A/B test {test.name!r} has not started")
        if Plan.model_validate(test.plan).units != "runlore":
            raise Refused(f"A/B test {test.name!r} does not deal its variants out itself")
        dealt = _dealt(test, units, at) if test.state == "running" else {}
        if dealt:
            seen = unit_events.add(connection, test.id, list(dealt.values()))
        else:
            seen = unit_events.read(connection, test.id, units)
    otherwise = test.winner or test.design.control
    return [_assigned(unit, seen.get(unit), otherwise) for unit in units]


def sight(store: Store, name: str | UUID, units: Sequence[SeenUnit], at: datetime) -> SeenUnits:
    """Record units with variants that were assigned elsewhere."""
    with store.begin() as connection:
        test = known(connection, name)
        check_running(test)
        if Plan.model_validate(test.plan).units != "given":
            raise Refused(f"A/B test {test.name!r} deals its variants out itself")
        before = unit_events.read(connection, test.id, [unit.unit for unit in units])
        faults = [_fault(test, unit, at) for unit in units]
        good = [
            ExposedUnit(unit.unit, unit.variant, unit.at or at)
            for unit, fault in zip(units, faults, strict=True)
            if fault is None
        ]
        seen = unit_events.add(connection, test.id, good)
    rejects = [
        (place, unit.unit, fault or _moved(unit, seen))
        for place, (unit, fault) in enumerate(zip(units, faults, strict=True))
    ]
    return SeenUnits(
        len(units),
        len(seen.keys() - before.keys()),
        len(seen.keys() & before.keys()),
        tuple((place, unit, reason) for place, unit, reason in rejects if reason),
    )


def known(connection: Connection, name: str | UUID, *, locked: bool = False) -> AbTest:
    """Return the test with this name or public id, locked on request. Raises NotFound."""
    test = experiments.find(connection, name, locked=locked)
    if test is None:
        raise NotFound(f"no A/B test is named {str(name)!r}; `runlore ab list` lists them")
    return test


def subject(test: AbTest) -> str:
    """The subject of the test's alerts: its name as one line."""
    return line(test.name, LONGEST_SUBJECT)


def end_alerts(connection: Connection, test: AbTest, at: datetime) -> None:
    """Resolve all alerts of a test that is over."""
    for kind in ALERTS:
        resolve_alert(connection, kind, subject(test), at)


def check_running(test: AbTest) -> None:
    """Raise Refused unless the test has started and is not over."""
    if test.state == "created":
        raise Refused(f"A/B test {test.name!r} has not started")
    if test.state != "running":
        raise Refused(f"A/B test {test.name!r} is over: {test.state} at {test.ended_at}")


def _check_replaced(test: AbTest, *, may_replace: bool) -> None:
    if test.state != "created":
        raise Refused(
            f"A/B test {test.name!r} has started with another plan, which stays; "
            "choose another name"
        )
    if not may_replace:
        raise Refused(
            f"A/B test {test.name!r} is planned already, with another plan; choose another name, "
            "or ask for it to be replaced"
        )


def _slot(connection: Connection, plan: Plan, before: AbTest | None) -> GroupShare | None:
    if plan.group is None:
        return None
    taken = [
        slot
        for slot in experiments.taken(connection, plan.group.name)
        if before is None or slot != before.design.slot
    ]
    return free_slot(plan.group.name, taken, plan.group.share)


def _dealt(test: AbTest, units: Sequence[str], at: datetime) -> Mapping[str, ExposedUnit]:
    allocation = test.design.allocation
    drawn = {unit: assignment.assign(allocation, unit) for unit in units}
    return {unit: ExposedUnit(unit, name, at) for unit, name in drawn.items() if name is not None}


def _assigned(unit: str, seen: ExposedUnit | None, otherwise: str) -> AssignedUnit:
    if seen is None:
        return AssignedUnit(unit, otherwise, is_in_test=False)
    return AssignedUnit(unit, seen.variant, is_in_test=True, exposed_at=seen.at)


def _fault(test: AbTest, unit: SeenUnit, at: datetime) -> str | None:
    if unit.variant not in test.design.shares:
        return f"variant: {unit.variant!r} is none of {', '.join(test.design.shares)}"
    if unit.at is not None and (unit.at - at).total_seconds() > CLOCK_TOLERANCE_S:
        return "at: is in the future"
    return None


def _moved(unit: SeenUnit, seen: Mapping[str, ExposedUnit]) -> str | None:
    had = seen[unit.unit].variant
    return None if had == unit.variant else f"variant: the unit has {had!r} already"
