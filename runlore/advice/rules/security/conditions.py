"""What a rule asks of one event: tests of fields, joined by and, or and not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

TestOperator = Literal[
    "equals", "regex", "null", "exists", "cidr", "gt", "gte", "lt", "lte", "same"
]


@dataclass(frozen=True)
class FieldTest:
    """One test of one field. is_cased: text is compared with its case.

    value: text, a pattern of RE2, a network or a number; for `same` the name of another field.
    """

    field: str
    operator: TestOperator
    value: str | float = ""
    is_cased: bool = False


@dataclass(frozen=True)
class AllOf:
    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class AnyOf:
    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class Negated:
    part: "Condition"


Condition = FieldTest | AllOf | AnyOf | Negated


def field_tests(condition: Condition) -> Iterator[FieldTest]:
    """All tests of a condition."""
    if isinstance(condition, FieldTest):
        yield condition
    elif isinstance(condition, Negated):
        yield from field_tests(condition.part)
    else:
        for part in condition.parts:
            yield from field_tests(part)


def needed_values(condition: Condition, field: str) -> frozenset[str] | None:
    """The values of which an event must have one in this field to match; None: any value may do.

    >>> needed_values(AllOf((FieldTest("a", "equals", "x"), FieldTest("b", "null"))), "a")
    frozenset({'x'})
    """
    if isinstance(condition, FieldTest):
        is_plain = condition.field == field and condition.operator == "equals"
        return frozenset({str(condition.value).lower()}) if is_plain else None
    if isinstance(condition, Negated):
        return None
    sets = [needed_values(part, field) for part in condition.parts]
    if isinstance(condition, AllOf):
        return next((values for values in sets if values is not None), None)
    if any(values is None for values in sets):
        return None
    return frozenset().union(*(values for values in sets if values is not None))
