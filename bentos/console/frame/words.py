"""How templates write values: numbers with their unit, instants, shares."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

from runlore.kernel.readable import (
    readable_bytes,
    readable_number,
    readable_quantity,
    readable_share,
)

UNKNOWN = "unknown"


def instant(at: datetime | None) -> Markup | str:
    """An instant in UTC; the script of the console shows it in the viewer's zone.

    >>> instant(datetime(2026, 11, 29, 8, 5, tzinfo=UTC))
    Markup('<time datetime="2026-11-29T08:05:00Z">2026-11-29 08:05 UTC</time>')
    """
    return _time(at, Markup('<time datetime="{}">{:%Y-%m-%d %H:%M} UTC</time>'))


def day(at: datetime | None) -> Markup | str:
    """The day of an instant.

    >>> day(datetime(2026, 11, 29, 8, 5, tzinfo=UTC))
    Markup('<time datetime="2026-11-29T08:05:00Z" data-day>2026-11-29</time>')
    """
    return _time(at, Markup('<time datetime="{}" data-day>{:%Y-%m-%d}</time>'))


def _time(at: datetime | None, element: Markup) -> Markup | str:
    if at is None:
        return UNKNOWN
    utc = at.astimezone(UTC)
    return element.format(f"{utc:%Y-%m-%dT%H:%M:%S}Z", utc)


def quantity(value: float | None, unit: str = "") -> str:
    return UNKNOWN if value is None else readable_quantity(value, unit)


def number(value: float | None) -> str:
    return UNKNOWN if value is None else readable_number(value)


def share(value: float | None) -> str:
    return UNKNOWN if value is None else readable_share(value)


def value(number: float | None, unit: str) -> str:
    """A prediction or what came of it, in its unit.

    >>> value(0.43, "probability"), value(4260.0, "s"), value(None, "s")
    ('43 %', '71 min', 'unknown')
    """
    return share(number) if unit == "probability" else quantity(number, unit)


def sentence(text: str) -> str:
    """With a capital at the beginning and a stop at the end.

    >>> sentence("no drift"), sentence("Done!")
    ('No drift.', 'Done!')
    """
    text = text.strip()
    return text if not text else text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def coded(text: str) -> Markup:
    """A sentence in which commands stand between backticks.

    >>> coded("Start it: `runlore ab start <b>`.")
    Markup('Start it: <code>runlore ab start &lt;b&gt;</code>.')
    """
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(p) if at % 2 else p for at, p in enumerate(parts))


FILTERS: dict[str, Callable[..., Any]] = {
    "instant": instant,
    "day": day,
    "quantity": quantity,
    "number": number,
    "share": share,
    "value": value,
    "bytes": readable_bytes,
    "coded": coded,
    "sentence": sentence,
}
