"""The finding: what a watcher reports as wrong, in one form for all that raise alerts."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from runlore.kernel.errors import BadInput

# How the subject of one version ends, as a pattern for PostgreSQL too: no spec's name has a space.
VERSION = " version [0-9]+$"

LONGEST_KIND, LONGEST_SUBJECT, LONGEST_TEXT = 60, 200, 1000
DEEPEST = 8


def of_version(spec: str, version: str) -> str:
    return f"{spec} version {version}"


def spec_of(subject: str) -> str:
    """The spec of a subject, which is a spec or a version of one; other subjects stay as they are.

    >>> spec_of("failure-risk version 7"), spec_of("failure-risk"), spec_of("risk version 7 b")
    ('failure-risk', 'failure-risk', 'risk version 7 b')
    """
    return re.sub(VERSION, "", subject)


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


@dataclass(frozen=True)
class AlertFinding:
    """A deviation. kind and subject name its cause: all findings of one cause are one alert.

    what: what changed. since: when that began, as far as is known. certainty: how sure that is.
    advice: what to do. Texts become one line of bounded length, and evidence becomes plain JSON.
    Raises BadInput for a kind or a subject that is empty, too long or not one line.
    """

    kind: str
    subject: str
    severity: Severity
    what: str
    certainty: str = ""
    advice: str = ""
    since: datetime | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, longest in (("kind", LONGEST_KIND), ("subject", LONGEST_SUBJECT)):
            value = getattr(self, name)
            if not value or value != line(value, longest):
                raise BadInput(f"{name}: {value[:80]!r} is not one line of 1 to {longest} letters")
        for name in ("what", "certainty", "advice"):
            object.__setattr__(self, name, line(getattr(self, name), LONGEST_TEXT))
        object.__setattr__(self, "severity", severity(self.severity))
        object.__setattr__(self, "evidence", as_evidence(dict(self.evidence)))


def severity(name: str) -> Severity:
    """The severity of this name. Raises BadInput for an unknown one."""
    try:
        return Severity(name)
    except ValueError:
        known = ", ".join(Severity)
        raise BadInput(f"severity: {name!r} is none of {known}", "severity") from None


def line(text: str, longest: int) -> str:
    """Make one printable line of at most `longest` letters, safe in headers and terminals.

    >>> line("two\\r\\nBcc: lines\\x00", 100), line("abcdef", 4)
    ('two Bcc: lines', 'abc…')
    """
    words = "".join(character if character.isprintable() else " " for character in text)
    short = " ".join(words.split())
    return short if len(short) <= longest else short[: longest - 1].rstrip() + "…"


def as_evidence(value: object, depth: int = DEEPEST) -> Any:  # noqa: ANN401  (whatever JSON holds)
    """Convert any value to what JSON and PostgreSQL can hold.

    >>> as_evidence({"share": float("nan"), "at": 3, "names": ("a\\x00b",)})
    {'share': 'nan', 'at': 3, 'names': ['a b']}
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth and isinstance(value, Mapping):
        return {_text(key): as_evidence(item, depth - 1) for key, item in value.items()}
    if depth and isinstance(value, Sequence | set | frozenset) and not isinstance(value, str):
        return [as_evidence(item, depth - 1) for item in value]
    return _text(value)


def _text(value: object) -> str:
    return str(value).replace("\x00", " ").encode(errors="replace").decode()
