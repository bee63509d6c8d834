"""Find what names a persona in texts, JSON and bytes, and take it out."""

import html
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

MIN_VALUE_CHARACTERS = 4  # shorter values are found in ordinary words
MAX_VALUES = 1_000
PLAIN_WORD = re.compile(r"[A-Za-z_]{1,11}")  # as the keys and texts of Runlore have them
# A name ends where neither a word nor an address or a longer name goes on: not `ann` in `ann-2`.
BEFORE = r"(?<![\w@-])"
AFTER = r"(?![\w@-]|\.\w)"


@dataclass(frozen=True)
class Mentions:
    """What only one persona has: its name, and values of its inputs that nobody else has.

    values: the longest first, at most MAX_VALUES of at least MIN_VALUE_CHARACTERS characters.
    stead: what a mention becomes; it must not be derived from the name.
    """

    name: str
    values: tuple[str, ...]
    stead: str

    @cached_property
    def spellings(self) -> tuple[str, ...]:
        """As texts, JSON, HTML and addresses write them."""
        return tuple(dict.fromkeys(way for one in (self.name, *self.values) for way in _ways(one)))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        ways = sorted(self.spellings, key=len, reverse=True)
        return re.compile(f"{BEFORE}(?:{'|'.join(map(re.escape, ways))}){AFTER}")

    @cached_property
    def _byte_pattern(self) -> re.Pattern[bytes]:
        ways = sorted((way.encode() for way in self.spellings), key=len, reverse=True)
        return re.compile(
            rb"(?<![A-Za-z0-9_@-])(?:" + b"|".join(map(re.escape, ways)) + rb")"
            rb"(?![A-Za-z0-9_@-]|\.[A-Za-z0-9_])"
        )

    def are_in(self, text: str) -> bool:
        return self.pattern.search(text) is not None

    def are_in_bytes(self, content: bytes) -> bool:
        return self._byte_pattern.search(content) is not None

    def without(self, text: str) -> str:
        """The text with `stead` for each mention.

        >>> Mentions("ann", ("#annsday",), "erased-1").without("ann told ann-2 of #annsday.")
        'erased-1 told ann-2 of erased-1.'
        """
        return self.pattern.sub(lambda _: self.stead, text)

    def bytes_without(self, content: bytes) -> bytes:
        return self._byte_pattern.sub(lambda _: self.stead.encode(), content)

    def json_without(self, value: Any) -> Any:  # noqa: ANN401  (whatever JSON holds)
        """The same with keys and texts of JSON; whole numbers and others that are values, too."""
        if isinstance(value, str):
            return self.without(value)
        if isinstance(value, dict):
            return {self.without(key): self.json_without(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.json_without(one) for one in value]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and json.dumps(value) in self.values:
            return None
        return value


def distinctive(values: Iterable[str]) -> tuple[str, ...]:
    """Those that can be searched for: the longest first, at most MAX_VALUES.

    A plain word such as `high` is none: it stands in texts that have nothing to do with a persona.

    >>> distinctive(["high", "#annsday", "a long caption", "0.5", "918273.64"])
    ('a long caption', '918273.64', '#annsday')
    """
    stripped = {one.strip() for one in values}
    long = {one for one in stripped if len(one) >= MIN_VALUE_CHARACTERS}
    marks = {one for one in long if not PLAIN_WORD.fullmatch(one)}
    return tuple(sorted(marks, key=lambda one: (-len(one), one))[:MAX_VALUES])


def _ways(text: str) -> Sequence[str]:
    escaped = json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]
    return text, *escaped, html.escape(text), quote(text, safe="")
