"""Take in units and their events: checked, and each counted once."""

from datetime import datetime, timedelta
from typing import Annotated, NotRequired
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, TypeAdapter, with_config
from typing_extensions import TypedDict

from runlore.experiments.actions import lifecycle
from runlore.experiments.actions.lifecycle import SeenUnit, SeenUnits, known
from runlore.experiments.queries import unit_events
from runlore.experiments.queries.unit_events import Intake
from runlore.kernel.durations import CLOCK_TOLERANCE_S
from runlore.kernel.errors import Refused
from runlore.records.validate import LONGEST_KEY_BYTES
from runlore.store.engine import Store

MOST_UNITS = 50_000

MOST_EVENTS = 50_000
LARGEST = 1e30
PLAIN = r"^[^\x00-\x1f]+$"
Key = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_KEY_BYTES, pattern=PLAIN)]
Kind = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=PLAIN)]
Value = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False, strict=True)]
Instant = Annotated[
    AwareDatetime,
    Field(
        strict=True,
        ge=datetime.fromisoformat("1970-01-01T00:00:00Z"),
        lt=datetime.fromisoformat("2200-01-01T00:00:00Z"),
    ),
]


@with_config(ConfigDict(extra="forbid", hide_input_in_errors=True))
class Unit(TypedDict):
    """at: since when it has the variant; now, when there is none."""

    unit: Key
    variant: Key
    at: NotRequired[Instant]


UNITS: TypeAdapter[list[Unit]] = TypeAdapter(
    Annotated[list[Unit], Field(min_length=1, max_length=MOST_UNITS)]
)


def take(store: Store, name: str | UUID, body: bytes, at: datetime) -> SeenUnits:
    """body: a JSON array of units, checked as a whole; pydantic's ValidationError names a field."""
    units = UNITS.validate_json(body)
    seen = [SeenUnit(unit["unit"], unit["variant"], unit.get("at")) for unit in units]
    return lifecycle.sight(store, name, seen, at)


@with_config(ConfigDict(title="Event", extra="forbid", hide_input_in_errors=True))
class UnitEvent(TypedDict):
    """id: the sender's own, so that it may be sent again. event: impression, click, conversion,
    engagement, or any word that the plan knows. value: 1 when there is none. at: now, likewise.
    """

    id: Key
    unit: Key
    event: Kind
    value: NotRequired[Value]
    at: NotRequired[Instant]


EVENTS: TypeAdapter[list[UnitEvent]] = TypeAdapter(
    Annotated[list[UnitEvent], Field(min_length=1, max_length=MOST_EVENTS)]
)


def record(store: Store, name: str | UUID, body: bytes, at: datetime) -> Intake:
    """body: a JSON array of events, checked as a whole; pydantic's ValidationError names a field.

    Rows stay out of Python: pydantic checks and writes them, PostgreSQL reads them. Late ones
    count, also after the end of a test when they happened before it.
    """
    events = EVENTS.dump_json(EVENTS.validate_json(body)).decode()
    with store.begin() as connection:
        test = known(connection, name)
        if test.state == "created":
            raise Refused(f"A/B test {test.name!r} has not started")
        latest = at + timedelta(seconds=CLOCK_TOLERANCE_S)
        return unit_events.record(connection, test, events, at, latest)
