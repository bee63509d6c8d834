"""The form of a request, made from what the answering version learned, and the request in it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from runlore.kernel.errors import BadInput
from runlore.models.bundle import Bundle
from runlore.records.execution import Scalar

MOST_FIELDS = 60  # a form may have 100
MOST_WORDS, LONGEST_WORD = 200, 80  # that a field proposes
PARTS = ("actor", "kind", "scope")
INPUTS = "inputs."
LONGEST_TEXT = 2_000
STEPS = 100  # of a slider

FieldKind = Literal["number", "word", "any"]


@dataclass(frozen=True)
class FormField:
    """One field. name: of the request, as `actor` or `inputs.nodes`. words: it proposes them.

    low, high: a number's range in training; None: not known.
    """

    name: str
    kind: FieldKind
    value: str
    words: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None

    @property
    def label(self) -> str:
        return self.name.removeprefix(INPUTS)

    @property
    def number(self) -> float | None:
        """What is in a field of numbers; None: nothing."""
        return _number(self.name, self.value) if self.value.strip() else None

    @property
    def is_sliding(self) -> bool:
        return self.low is not None and self.high is not None and self.low < self.high

    @property
    def lowest(self) -> str:
        return number_text(self.low or 0.0)

    @property
    def highest(self) -> str:
        return number_text(self.high or 0.0)

    @property
    def step(self) -> str:
        """Of the slider: 1 where training saw whole numbers only, as far as its ends tell."""
        low, high = self.low or 0.0, self.high or 0.0
        if low.is_integer() and high.is_integer() and high - low >= 2:
            return number_text(max(1.0, (high - low) // STEPS))
        return number_text((high - low) / STEPS)


def form_fields(bundle: Bundle, form: Mapping[str, str]) -> tuple[FormField, ...]:
    """The fields with what the form holds; before that, what was usual in training."""
    plan = bundle.plan
    words = {vocabulary.name: vocabulary.words for vocabulary in plan.categories}
    usual = dict(zip(plan.names, bundle.reference.tolist(), strict=True))
    fields = [_word_field(name, words.get(name, ())) for name in PARTS]
    for name in plan.inputs:
        learned = bundle.ranges.get(f"{INPUTS}{name}")
        ends = (None, None) if learned is None else (learned.low, learned.high)
        value = number_text(usual[f"{INPUTS}{name}"])
        fields.append(FormField(f"{INPUTS}{name}", "number", value, (), *ends))
    texts = [name for name in words if name.startswith(INPUTS)]
    fields += [_word_field(name, words[name]) for name in texts]
    known = {field.name for field in fields}
    others = {f"{INPUTS}{name}" for name in (*plan.others, *_keyed(bundle))} - known
    fields += [FormField(name, "any", "") for name in sorted(others)]
    chosen = fields[:MOST_FIELDS]
    if not form:
        return tuple(chosen)
    return tuple(
        FormField(f.name, f.kind, form.get(f.name, ""), f.words, f.low, f.high) for f in chosen
    )


def request_body(fields: tuple[FormField, ...]) -> dict[str, Any]:
    """The request as HTTP takes it; an empty input is left out. Raises BadInput."""
    body: dict[str, Any] = {"inputs": {}}
    for field in fields:
        text = field.value.strip()
        if len(text) > LONGEST_TEXT:
            raise BadInput(f"{field.name}: write at most {LONGEST_TEXT} characters", field.name)
        if field.name in PARTS:
            body[field.name] = text
        elif text:
            body["inputs"][field.label] = _value(field, text)
    return body


def number_text(value: float) -> str:
    """As a field of numbers has it; empty: not known.

    >>> number_text(4.0), number_text(0.125), number_text(float("nan"))
    ('4', '0.125', '')
    """
    return f"{value:.6g}" if math.isfinite(value) else ""


def _word_field(name: str, words: tuple[str, ...]) -> FormField:
    short = tuple(word for word in words[:MOST_WORDS] if 0 < len(word) <= LONGEST_WORD)
    return FormField(name, "word", short[0] if short else "", short)


def _keyed(bundle: Bundle) -> list[str]:
    """Inputs that only are parts of keys."""
    parts = [part for history in bundle.plan.histories for part in history.keys]
    return [part.removeprefix(INPUTS) for part in parts if part.startswith(INPUTS)]


def _value(field: FormField, text: str) -> Scalar:
    if field.kind == "word":
        return text
    if field.kind == "number":
        return _number(field.name, text)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    is_usable = isinstance(value, bool | int | float) and math.isfinite(float(value))
    return value if is_usable else text


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadInput(f"{name}: {text[:80]!r} is not a number", name)
    return number
