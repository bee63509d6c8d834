"""Versions of packages, ordered as Semantic Versioning 2.0.0 orders them."""

import re
from functools import total_ordering
from typing import NamedTuple

from runlore.kernel.errors import BadInput

NUMBER = r"(0|[1-9]\d{0,8})"
TAG = r"(?:0|[1-9]\d{0,8}|\d*[A-Za-z-][0-9A-Za-z-]*)"
SEMVER = re.compile(
    rf"{NUMBER}\.{NUMBER}\.{NUMBER}(?:-({TAG}(?:\.{TAG})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
LONGEST = 64


@total_ordering
class _Tag:
    """One identifier of a pre-release: numbers come before words."""

    def __init__(self, text: str) -> None:
        self.key = (0, int(text), "") if text.isdigit() else (1, 0, text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Tag) and self.key == other.key

    def __lt__(self, other: "_Tag") -> bool:
        return self.key < other.key

    def __hash__(self) -> int:
        return hash(self.key)


class VersionOrder(NamedTuple):
    """is_release: a release comes after all of its pre-releases."""

    major: int
    minor: int
    patch: int
    is_release: bool
    tags: tuple[_Tag, ...]


def version_order(version: str) -> VersionOrder:
    """Raises BadInput for what is no version of SemVer 2.0.0.

    Build metadata (`+…`) has no part in the order.

    Source: https://semver.org/spec/v2.0.0.html, item 11.

    >>> version_order("1.0.0-rc.2") < version_order("1.0.0-rc.11") < version_order("1.0.0")
    True
    >>> version_order("1.10.0") > version_order("1.9.9")
    True
    """
    match = SEMVER.fullmatch(version) if len(version) <= LONGEST else None
    if match is None:
        raise BadInput(
            f"version: {version[:40]!r} is not MAJOR.MINOR.PATCH (SemVer), such as 1.0.0", "version"
        )
    major, minor, patch, tags = match.groups()
    parts = tuple(_Tag(tag) for tag in tags.split(".")) if tags else ()
    return VersionOrder(int(major), int(minor), int(patch), not parts, parts)
