"""A probe: a task with a known answer, given to find out whether an agent works."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runlore.agents.rules.documents import check_document
from runlore.agents.rules.registration import check_words
from runlore.kernel.errors import BadInput

CHECKS = ("equals", "includes", "fields", "contains")
SHORTEST_S, LONGEST_ANSWER_S, LONGEST_PAUSE_S = 1.0, 3600.0, 86_400.0


@dataclass(frozen=True)
class NewProbe:
    """rule: one or more of CHECKS; all of them must hold of an answer.

    equals: the whole output. includes: an object, of which the output has all. fields: names that
    are there and not empty. contains: words that stand somewhere in its texts.
    max_s: within which it is answered. every_s: pause between two, of one agent.
    """

    name: str
    task_type: str
    rule: Mapping[str, Any]
    required_capabilities: Sequence[str] = ()
    input: Mapping[str, Any] = field(default_factory=dict)
    max_s: float = 10.0
    every_s: float = 60.0


def check_probe(probe: NewProbe) -> None:
    """Raises BadInput that names the field, its value and what is allowed."""
    for value, name in ((probe.name, "probe_name"), (probe.task_type, "task_type")):
        if not 1 <= len(value.strip()) <= 200:
            raise BadInput(f"{name}: give 1 to 200 characters", name)
    bounds = (
        ("max_s", probe.max_s, LONGEST_ANSWER_S),
        ("every_s", probe.every_s, LONGEST_PAUSE_S),
    )
    for name, seconds, longest in bounds:
        if not SHORTEST_S <= seconds <= longest:
            raise BadInput(
                f"{name}: {seconds:g} is not between {SHORTEST_S:g} and {longest:g} seconds", name
            )
    check_document(dict(probe.input), "input_data")
    check_words(probe.required_capabilities, "required_capabilities")
    _check_rule(probe.rule)


def _check_rule(rule: Mapping[str, Any]) -> None:
    check_document(dict(rule), "rule")
    unknown = sorted(set(rule) - set(CHECKS))
    if unknown or not rule:
        wrong = f"{unknown[0][:40]!r} is unknown" if unknown else "it is empty"
        raise BadInput(f"rule: {wrong}; use {', '.join(CHECKS)}", "rule")
    if not isinstance(rule.get("includes", {}), dict):
        raise BadInput("rule: `includes` is no object", "rule")
    for name in ("fields", "contains"):
        words = rule.get(name, ["x"])
        if not (isinstance(words, list) and words and all(isinstance(one, str) for one in words)):
            raise BadInput(f"rule: `{name}` is no list of texts", "rule")


def wrong_in(output: object, rule: Mapping[str, Any]) -> str | None:
    """What is wrong with an answer; None: nothing.

    >>> wrong_in({"sum": 4, "by": "ann"}, {"includes": {"sum": 4}})
    >>> wrong_in({"sum": 5}, {"includes": {"sum": 4}})
    'sum is not 4'
    >>> wrong_in({"text": ""}, {"fields": ["text"]}), wrong_in({"text": "A"}, {"contains": ["b"]})
    ('text is missing or empty', "no text contains 'b'")
    """
    if "equals" in rule and not _same(output, rule["equals"]):
        return "it is not the expected output"
    if "includes" in rule and (missing := _missing(output, rule["includes"])):
        return missing
    for name in rule.get("fields", ()):
        if not isinstance(output, dict) or output.get(name) in (None, "", [], {}):
            return f"{name[:80]} is missing or empty"
    texts = "\n".join(_texts(output)).lower() if "contains" in rule else ""
    for words in rule.get("contains", ()):
        if words.lower() not in texts:
            return f"no text contains {words[:80]!r}"
    return None


def _missing(output: object, expected: object, at: str = "output") -> str | None:
    if not isinstance(expected, dict):
        return None if _same(output, expected) else f"{at[:80]} is not {str(expected)[:80]}"
    if not isinstance(output, dict):
        return f"{at[:80]} is no object"
    for name, value in expected.items():
        if wrong := _missing(output.get(name), value, name):
            return wrong
    return None


def _same(left: object, right: object) -> bool:
    """Equal as JSON: 4 equals 4.0, and `true` no number."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return left == right


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for one in value for text in _texts(one)] if isinstance(value, list) else []
