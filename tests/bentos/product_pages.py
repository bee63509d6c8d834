"""The examples of docs/products, and whether what is answered is what they say."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
PRODUCTS = sorted((DOCS / "products").glob("*.md"))
ROW = re.compile(
    r"^\| `(GET|POST|PATCH|PUT|DELETE) ([^`]+)` \| (read|record|train|predict) \|", re.MULTILINE
)
BLOCK = re.compile(
    r"^```http\n(\w+) (\S+)\n(.*?)\n?\n(\d{3}) (.*?)\n```$", re.MULTILINE | re.DOTALL
)
UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
CURSOR = re.compile(r"[0-9a-f]{10}\.\d+")


@dataclass(frozen=True)
class Example:
    method: str
    way: str
    body: str
    status: int
    answer: Any


def examples(page: Path) -> Iterator[Example]:
    for method, way, body, status, answer in BLOCK.findall(page.read_text(encoding="utf-8")):
        yield Example(method, way, body, int(status), json.loads(answer))


def routes(page: Path) -> set[tuple[str, str, str]]:
    return set(ROW.findall(page.read_text(encoding="utf-8")))


def differences(told: Any, found: Any, names: dict[str, str], at: str = "") -> Iterator[str]:
    """Where an answer is not as documented; of instants, cursors and fractions, only the kind
    counts.

    names: ids that the page makes up -> real ones; it learns new ones.
    """
    if isinstance(told, dict) and isinstance(found, dict):
        if told.keys() != found.keys():
            yield f"{at}: fields {sorted(told.keys() ^ found.keys())}"
        for name in [name for name in told if name in found]:
            yield from differences(told[name], found[name], names, f"{at}.{name}")
    elif isinstance(told, list) and isinstance(found, list) and len(told) == len(found):
        for place, pair in enumerate(zip(told, found, strict=True)):
            yield from differences(*pair, names, f"{at}.{place}")
    elif isinstance(told, str) and isinstance(found, str) and UUID.fullmatch(told):
        if names.setdefault(told, found) != found:
            yield f"{at}: {found} is not {names[told]}"
    elif not _is_same(renamed(told, names) if isinstance(told, str) else told, found):
        yield f"{at}: {told!r} is documented, {found!r} was answered"


def renamed(text: str, names: dict[str, str]) -> str:
    return UUID.sub(lambda found: names.get(found[0], found[0]), text)


def _is_same(told: Any, found: Any) -> bool:
    if isinstance(told, float) and isinstance(found, float):
        return told.is_integer() == found.is_integer()
    for pattern in (INSTANT, CURSOR):
        if isinstance(told, str) and pattern.fullmatch(told):
            return isinstance(found, str) and pattern.fullmatch(found) is not None
    return bool(told == found) and type(told) is type(found)
