"""The request of one spec, made from the plan of the version that answers it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model

from bentos.http.fields import AnyScalar, ForReplay, Id, Name, Number, Values, Words
from bentos.http.schemas import Closed
from runlore.features.declaration import FeaturePlan
from runlore.features.keys import KeyParts
from runlore.records.execution import Scalar

MOST_ROWS = 10_000
PREFIX = "inputs."

Clock = Literal["wall", "record"]


@dataclass(frozen=True)
class RequestSchema:
    """request: of one answer. batch: a list of them. inputs: field of the model -> input."""

    request: type[BaseModel]
    batch: TypeAdapter[Any]
    inputs: Mapping[str, str]

    def subject(self, request: BaseModel) -> KeyParts:
        """The parts of a validated request that its features are made of."""
        fields: Any = request
        inputs = fields.inputs
        if isinstance(inputs, BaseModel):
            values = ((name, getattr(inputs, field)) for field, name in self.inputs.items())
            inputs = {name: value for name, value in values if value is not None}
        return KeyParts(fields.actor, fields.kind, fields.scope, inputs)


def request_schema_of(
    name: str, plan: FeaturePlan | None, clock: Clock, others: Sequence[FeaturePlan] = ()
) -> RequestSchema:
    """plan: of the version that answers; None: there is none yet, any inputs will do.

    others: of versions whose inputs may be said as well.
    """
    title = "".join(part.capitalize() for part in name.split("-"))
    names: dict[str, Any] = {}
    for known_plan in (*others, *([] if plan is None else [plan])):
        names |= _kinds(known_plan)
    aliases = {f"input_{at}": name for at, name in enumerate(sorted(names))}
    inputs: Any = Values
    if plan is not None:
        known: dict[str, Any] = {
            field: (names[alias], Field(default=None, alias=alias))
            for field, alias in aliases.items()
        }
        inputs = create_model(f"{title}Inputs", __base__=Closed, **known)
    fields: dict[str, Any] = {
        "actor": (Name, Field(description="who asks for the work")),
        "kind": (Name, Field(description="what sort of work it is")),
        "scope": (Name, Field(default="", description="on or for what")),
        "inputs": (inputs, Field(default={}, validate_default=True)),
        "execution": (Id | None, Field(default=None, description="its id, if it has one")),
    }
    if clock == "record":
        fields["as_of"] = (ForReplay, Field(default=None))
    base = _with_example(_example(plan))
    request = create_model(f"{title}Request", __base__=base, **fields)
    rows: Any = Annotated[list[request], Field(min_length=1, max_length=MOST_ROWS)]
    return RequestSchema(request, TypeAdapter(rows), aliases)


def inputs_of(plan: FeaturePlan) -> frozenset[str]:
    """The inputs that a version knows."""
    return frozenset(_kinds(plan))


def _kinds(plan: FeaturePlan) -> dict[str, Any]:
    """Every input that the version knows, with its kind; all may be absent."""
    parts = (part for history in plan.histories for part in history.keys)
    keyed = [part.removeprefix(PREFIX) for part in parts if part.startswith(PREFIX)]
    texts = [v.name.removeprefix(PREFIX) for v in plan.categories if v.name.startswith(PREFIX)]
    return (
        dict.fromkeys((*plan.others, *keyed), AnyScalar)
        | dict.fromkeys(texts, Words | None)
        | dict.fromkeys(plan.inputs, Number | None)
    )


def _with_example(example: dict[str, Any]) -> type[BaseModel]:
    class Asked(Closed):
        model_config = ConfigDict(json_schema_extra={"examples": [example]})

    return Asked


def _example(plan: FeaturePlan | None) -> dict[str, Any]:
    words = {} if plan is None else {v.name: v.words[0] for v in plan.categories}
    inputs: dict[str, Scalar] = dict.fromkeys(plan.inputs, 1.0) if plan else {}
    inputs |= {n.removeprefix(PREFIX): w for n, w in words.items() if n.startswith(PREFIX)}
    parts = {name: words.get(name, "") for name in ("actor", "kind", "scope")}
    return {**parts, "inputs": inputs}
