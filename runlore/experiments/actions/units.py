"""Units that come with the variant that somebody else gave them: checked, and taken once."""

from datetime import datetime
from typing import Annotated, NotRequired
from uuid import UUID

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from runlore.experiments.actions import lifecycle
from runlore.experiments.actions.events import Instant, Key
from runlore.experiments.actions.lifecycle import Sighted, Sightings
from runlore.store.engine import Store

MOST_UNITS = 50_000


@with_config(ConfigDict(extra="forbid", hide_input_in_errors=True))
class Unit(TypedDict):
    """at: since when it has the variant; now, when there is none."""

    unit: Key
    variant: Key
    at: NotRequired[Instant]


UNITS: TypeAdapter[list[Unit]] = TypeAdapter(
    Annotated[list[Unit], Field(min_length=1, max_length=MOST_UNITS)]
)


def take(store: Store, name: str | UUID, body: bytes, at: datetime) -> Sightings:
    """body: a JSON array of units, checked as a whole; pydantic's ValidationError names a field."""
    given = UNITS.validate_json(body)
    seen = [Sighted(each["unit"], each["variant"], each.get("at")) for each in given]
    return lifecycle.sight(store, name, seen, at)
