"""The form of a planned task, made from what its kind has learned."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from runlore.planning.actions.estimates import INPUT, KindEstimator, PlannedTask
from runlore.planning.rules.task_table import WordColumn
from runlore.records.execution import Scalar

MOST_FIELDS = 60
LONGEST_TEXT = 2_000
PARTS = ("actor", "scope")


@dataclass(frozen=True)
class TaskField:
    """name: in the address. words: it proposes them. usual: the median or the most frequent."""

    name: str
    label: str
    value: str
    usual: str
    words: tuple[str, ...] = ()
    is_text: bool = False


def task_fields(learned: KindEstimator, query: Mapping[str, str]) -> tuple[TaskField, ...]:
    """What the address says; where it says nothing, what is usual."""
    fields = []
    encoder = learned.estimator.encoder
    for column in encoder.columns[:MOST_FIELDS]:
        words = column.words if isinstance(column, WordColumn) else ()
        usual = column.usual if isinstance(column.usual, str) else f"{column.usual:.4g}"
        fields.append(_field(column.name, usual, query, words))
    texts = () if encoder.texts is None else encoder.texts.names
    return (*fields, *(_field(name, "", query, (), is_text=True) for name in texts))


def planned_task(kind: str, measure: str, fields: tuple[TaskField, ...]) -> PlannedTask:
    """An empty field is not known."""
    known = {field.name: field.value for field in fields if field.value.strip()}
    inputs = {
        name.removeprefix(INPUT): _value(text)
        for name, text in known.items()
        if name.startswith(INPUT)
    }
    return PlannedTask(kind, measure, known.get("actor"), known.get("scope"), inputs)


def _field(
    name: str,
    usual: str,
    query: Mapping[str, str],
    words: tuple[str, ...],
    *,
    is_text: bool = False,
) -> TaskField:
    value = query.get(name, usual)[:LONGEST_TEXT]
    return TaskField(name, name.removeprefix(INPUT), value, usual, words, is_text)


def _value(text: str) -> Scalar:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    is_usable = isinstance(value, bool | int | float) and math.isfinite(float(value))
    return value if is_usable else text
