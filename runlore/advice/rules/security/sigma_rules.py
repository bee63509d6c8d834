"""Rules in the Sigma format, parsed by pySigma and translated into the project's own.

Source of the format: the Sigma Rules and Sigma Correlation Rules specifications, version 2.
Nothing but `sigma.collection` is imported: parsing asks no network and unpickles nothing.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from runlore.advice.rules.security.conditions import (
    AllOf,
    AnyOf,
    Condition,
    FieldTest,
    Negated,
    TestOperator,
)
from runlore.advice.rules.security.rule import (
    CAUSES,
    LEVELS,
    Correlation,
    RefusedRule,
    RuleLevel,
    RuleSet,
    SecurityRule,
)

if TYPE_CHECKING:
    from sigma.correlations import SigmaCorrelationRule
    from sigma.rule import SigmaRule

MAX_BYTES = 1 << 20  # of a file
MAX_WIDTH_S = 7 * 86_400
MAX_ALIASES = 100  # anchors of YAML in a file
KINDS = ("event_count", "value_count", "value_sum", "temporal", "temporal_ordered")
Sigma = Any  # pySigma's trees have no common type


class BadRule(ValueError):
    """A rule that Runlore cannot evaluate. fix: what to change."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.fix = fix


def read_rules(files: Iterable[tuple[str, str]]) -> RuleSet:
    """All rules of some files. files: name and text. Bad rules are listed with reason and fix.

    A rule that refers to a refused rule is refused too; the others stand.
    """
    parsed: list[tuple[str, Sigma]] = []
    refused: list[RefusedRule] = []
    for name, text in files:
        try:
            parsed += [(name, rule) for rule in _documents(text)]
        except BadRule as bad:
            refused.append(RefusedRule(name, str(bad), bad.fix))
    parsed = _without_namesakes(parsed, refused)
    rules: dict[str, SecurityRule] = {}
    waiting = list(parsed)
    while waiting:
        rest = [one for one in waiting if not _take(*one, rules, refused)]
        if len(rest) == len(waiting):
            refused += [_unresolved(file, rule, rules) for file, rule in rest]
            break
        waiting = rest
    return RuleSet(tuple(_referred(rules, parsed)), tuple(refused))


def _without_namesakes(
    parsed: Sequence[tuple[str, Sigma]], refused: list[RefusedRule]
) -> list[tuple[str, Sigma]]:
    """The first rule of each name; the others are refused."""
    first: dict[str, tuple[str, Sigma]] = {}
    for file, sigma in parsed:
        other = first.setdefault(_name(sigma), (file, sigma))
        if other[1] is not sigma:
            reason = f"two rules are called {_name(sigma)!r}: here and in {other[0]}"
            refused.append(RefusedRule(file, reason, "give it another name"))
    return list(first.values())


def _name(sigma: Sigma) -> str:
    return str(sigma.name or sigma.id or _slug(str(sigma.title)))


def _documents(text: str) -> list[Sigma]:
    import yaml
    from sigma.collection import SigmaCollection
    from sigma.exceptions import SigmaError

    if len(text.encode()) > MAX_BYTES:
        raise BadRule(f"the file has more than {MAX_BYTES:,} bytes", "split it into several files")
    if len(re.findall(r"(?m)[:\-\[,]\s*\*\w", text)) > MAX_ALIASES:
        raise BadRule("the file has too many YAML aliases", "write the values out")
    try:
        documents = [one for one in yaml.safe_load_all(text) if one is not None]
        if not documents or not all(isinstance(one, dict) for one in documents):
            raise BadRule("the file is no Sigma rule", "write a mapping with title and detection")
        parsed = SigmaCollection.from_dicts(documents, resolve_references=False)
    except yaml.YAMLError as error:
        raise BadRule(f"the file is not YAML: {_short(error)}", "correct the line") from error
    except SigmaError as error:
        raise BadRule(_short(error), "see the Sigma specification") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadRule(f"the file is no Sigma rule: {_short(error)}", "see an example") from error
    if parsed.filters:
        raise BadRule("Sigma filters are not supported", "write the filter into the rule")
    return list(parsed.rules)


def _take(
    file: str, sigma: Sigma, rules: dict[str, SecurityRule], refused: list[RefusedRule]
) -> bool:
    """Translate a rule when those that it refers to are there; False: later."""
    if _is_correlation(sigma) and not all(name in rules for name in _references(sigma)):
        return False
    try:
        rule = _rule(file, sigma)
        rules[rule.name] = rule
    except BadRule as bad:
        refused.append(RefusedRule(file, str(bad), bad.fix))
    return True


def _unresolved(file: str, sigma: Sigma, rules: Mapping[str, SecurityRule]) -> RefusedRule:
    missing = ", ".join(repr(name) for name in _references(sigma) if name not in rules)
    return RefusedRule(
        file,
        f"it refers to {missing}, which is no rule or a refused one",
        "write the `name` of a rule that is in the folder",
    )


def _referred(
    rules: Mapping[str, SecurityRule], parsed: Sequence[tuple[str, Sigma]]
) -> Iterable[SecurityRule]:
    """Rules that only others refer to raise no alert, unless these say `generate: true`."""
    from dataclasses import replace

    silent: set[str] = set()
    for _, sigma in parsed:
        if _is_correlation(sigma) and not sigma.generate:
            silent.update(_references(sigma))
    for rule in rules.values():
        yield replace(rule, alerts=rule.name not in silent)


def _is_correlation(sigma: Sigma) -> bool:
    return hasattr(sigma, "timespan")


def _references(sigma: "SigmaCorrelationRule") -> tuple[str, ...]:
    return tuple(str(one.reference) for one in sigma.rules or ())


def _rule(file: str, sigma: Sigma) -> SecurityRule:
    own = sigma.custom_attributes.get("runlore", {})
    if not isinstance(own, Mapping) or not {*own} <= {"cause", "advice"}:
        raise BadRule("`runlore` may hold `cause` and `advice` only", "leave the other keys out")
    if not sigma.title:
        raise BadRule("the rule has no title", "add `title`")
    level = "medium" if sigma.level is None else sigma.level.name.lower()
    correlation = _correlation(sigma) if _is_correlation(sigma) else None
    grouped = () if correlation is None else correlation.group_by
    by_group = next((field for field in CAUSES if field in grouped), "user.name")
    return SecurityRule(
        name=_name(sigma),
        title=_line(sigma.title),
        level=_level(level),
        file=file,
        description=_line(sigma.description or ""),
        advice=_line(str(own.get("advice", ""))),
        tags=tuple(f"{tag.namespace}.{tag.name}" for tag in sigma.tags),
        cause=str(own.get("cause", by_group)),
        condition=None if correlation is not None else _condition(sigma),
        correlation=correlation,
    )


def _correlation(sigma: "SigmaCorrelationRule") -> Correlation:
    kind = sigma.type.name.lower()
    if kind not in KINDS:
        raise BadRule(f"correlation type {kind!r} is not supported", f"use {', '.join(KINDS)}")
    if len(sigma.aliases):
        raise BadRule("aliases of fields are not supported", "group by fields that all rules share")
    if not _references(sigma):
        raise BadRule("the correlation names no rules", "list them under `rules`")
    if sigma.timespan.seconds > MAX_WIDTH_S:
        raise BadRule(f"timespan {sigma.timespan.spec} is longer than 7d", "choose a shorter one")
    return Correlation(
        kind=kind,
        rules=_references(sigma),
        group_by=tuple(sigma.group_by or ()),
        width_us=sigma.timespan.seconds * 1_000_000,
        least=_least(sigma, kind),
        field=_counted_field(sigma.condition),
    )


def _least(sigma: "SigmaCorrelationRule", kind: str) -> float:
    condition = sigma.condition
    if isinstance(condition, str) or not hasattr(condition, "op"):
        raise BadRule("conditions with and, or, not are not supported", "list the rules instead")
    operator = condition.op.name.lower()
    if kind.startswith("temporal"):
        return float(len(_references(sigma)))
    if operator not in ("gte", "gt"):
        raise BadRule(
            f"condition {operator!r} is not supported: a window that ends at an event only grows",
            "use gte or gt",
        )
    return float(condition.count + (operator == "gt"))


def _counted_field(condition: Sigma) -> str:
    field = getattr(condition, "fieldref", None)
    if isinstance(field, list) and len(field) != 1:
        raise BadRule("value counts over several fields are not supported", "name one field")
    return str(field[0] if isinstance(field, list) else field or "")


def _condition(sigma: "SigmaRule") -> Condition:
    from sigma.exceptions import SigmaError

    if not sigma.detection or not sigma.detection.parsed_condition:
        raise BadRule("the rule has no detection", "add `detection` with a condition")
    try:
        parts = tuple(_tree(one.parsed) for one in sigma.detection.parsed_condition)
    except (SigmaError, RecursionError) as error:
        raise BadRule(_short(error), "see the Sigma specification") from error
    return parts[0] if len(parts) == 1 else AnyOf(parts)


def _tree(node: Sigma) -> Condition:
    from sigma.conditions import (
        ConditionAND,
        ConditionFieldEqualsValueExpression,
        ConditionNOT,
        ConditionOR,
    )

    if isinstance(node, ConditionAND | ConditionOR):
        parts = tuple(_tree(part) for part in node.args)
        return AllOf(parts) if isinstance(node, ConditionAND) else AnyOf(parts)
    if isinstance(node, ConditionNOT):
        return Negated(_tree(node.args[0]))
    if isinstance(node, ConditionFieldEqualsValueExpression):
        return _test(node.field, node.value)
    raise BadRule(
        "keywords without a field cannot match: Runlore keeps no messages",
        "test a field, such as event.action",
    )


def _test(field: str, value: Sigma) -> Condition:
    from sigma.types import SigmaExpansion

    if isinstance(value, SigmaExpansion):
        return AnyOf(tuple(_test(field, one) for one in value.values))
    make = _TESTS.get(type(value).__name__)
    if make is None:
        raise BadRule(
            f"{field}: values of the sort {type(value).__name__} are not supported",
            "use text, numbers, re, cidr, exists, fieldref, lt, lte, gt or gte",
        )
    return make(field, value)


def _text(field: str, value: Sigma, *, is_cased: bool = False) -> FieldTest:
    if value.contains_special():
        parts = [part if isinstance(part, str) else part.name for part in value.s]
        wild = {"WILDCARD_MULTI": ".*", "WILDCARD_SINGLE": "."}
        texts = zip(parts, value.s, strict=True)
        pattern = "".join(
            re.escape(part) if isinstance(one, str) else wild[part] for part, one in texts
        )
        return _regex(field, f"(?s)^(?:{pattern})$", is_cased=is_cased)
    return FieldTest(field, "equals", value.to_plain().replace("\\\\", "\\"), is_cased)


def _expression(field: str, value: Sigma) -> FieldTest:
    flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
    is_cased = "i" not in flags
    others = flags.replace("i", "")
    start = f"(?{others})" if others else ""
    return _regex(field, f"{start}{value.to_plain()}", is_cased=is_cased)


def _regex(field: str, pattern: str, *, is_cased: bool) -> FieldTest:
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except (pa.ArrowInvalid, UnicodeEncodeError) as error:
        raise BadRule(
            f"{field}: the expression cannot be read: {_short(error)}",
            "use the syntax of RE2, which has no look-around and no back references",
        ) from error
    return FieldTest(field, "regex", pattern, is_cased)


def _compared(field: str, value: Sigma) -> FieldTest:
    operator = value.op.name.lower()
    if operator not in ("gt", "gte", "lt", "lte"):
        raise BadRule(f"{field}: comparison {operator!r} is not supported", "use lt, lte, gt, gte")
    return FieldTest(field, operator, float(value.number.number))


def _same(field: str, value: Sigma) -> FieldTest:
    if value.starts_with or value.ends_with:
        raise BadRule(f"{field}: fieldref compares whole values only", "leave the modifier out")
    return FieldTest(field, "same", str(value.field))


def _number(field: str, value: Sigma) -> Condition:
    text: TestOperator = "equals"
    number = float(value.number)
    return AnyOf(
        (
            FieldTest(field, text, str(value.number)),
            AllOf((FieldTest(field, "gte", number), FieldTest(field, "lte", number))),
        )
    )


_TESTS: Mapping[str, Callable[[str, Sigma], Condition]] = {
    "SigmaString": _text,
    "SigmaCasedString": partial(_text, is_cased=True),
    "SigmaNumber": _number,
    "SigmaBool": lambda field, value: FieldTest(field, "equals", str(value.boolean).lower()),
    "SigmaNull": lambda field, _: FieldTest(field, "null"),
    "SigmaExists": lambda field, value: (
        FieldTest(field, "exists") if value.exists else FieldTest(field, "null")
    ),
    "SigmaRegularExpression": _expression,
    "SigmaCIDRExpression": lambda field, value: FieldTest(field, "cidr", str(value.network)),
    "SigmaCompareExpression": _compared,
    "SigmaFieldReference": _same,
}


def _level(name: str) -> RuleLevel:
    return next(level for level in LEVELS if level == name)


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:500]


def _short(error: BaseException) -> str:
    return _line(str(error))[:200] or type(error).__name__
