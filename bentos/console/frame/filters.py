"""Filters of a list: what the address of a page says, and the address of the next page."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from runlore.kernel import instants
from runlore.kernel.errors import BadInput

LONGEST_FILTER = 500
DAY = timedelta(days=1)
LAST_DAY = datetime(9999, 12, 30, tzinfo=UTC)
LONGEST_DAY = len("2026-11-29")


def text_filter(query: Mapping[str, str], name: str) -> str | None:
    """What the address says of a filter; None: nothing."""
    text = query.get(name, "").strip()
    if len(text) > LONGEST_FILTER or "\x00" in text:
        raise BadInput(f"{name}: write 1 to {LONGEST_FILTER} characters", name)
    return text or None


def number_filter(query: Mapping[str, str], name: str, largest: int = 2**63 - 1) -> int | None:
    text = text_filter(query, name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= largest):
        raise BadInput(f"{name}: {text[:80]!r} is not a number from 0 to {largest:,}", name)
    return int(text)


def since_filter(query: Mapping[str, str], name: str = "since") -> datetime | None:
    """A day or an instant in UTC, from where on."""
    text = text_filter(query, name)
    return None if text is None else _instant(text, name)


def until_filter(query: Mapping[str, str], name: str = "until") -> datetime | None:
    """Up to an instant in UTC, or to the end of a day."""
    text = text_filter(query, name)
    if text is None:
        return None
    at = _instant(text, name)
    return at + DAY if len(text) == LONGEST_DAY and at < LAST_DAY else at


def address(path: str, query: Mapping[str, str], **changes: str) -> str:
    """A page with the same filters and some changed ones; empty ones are left out."""
    chosen = {name: value for name, value in {**query, **changes}.items() if value}
    return f"{path}?{urlencode(chosen)}" if chosen else path


def _instant(text: str, name: str) -> datetime:
    try:
        return instants.parse(f"{text}T00:00:00Z" if len(text) == LONGEST_DAY else text, name)
    except OverflowError as error:
        raise BadInput(f"{name}: {text[:80]!r} is beyond the calendar", name) from error
