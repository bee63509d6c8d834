"""Values as people read them: 71 min, 3.2 h, 1.4 GiB. JSON keeps numbers in their base unit."""

import math

from runlore.kernel.durations import DAY_S, HOUR_S

MINUTE_S = 60.0
# From here on the next larger unit is easier to read: 99 s, then 2.5 min; 119 min, then 2.2 h.
STEPS_S = (("d", DAY_S, 2 * DAY_S), ("h", HOUR_S, 2 * HOUR_S), ("min", MINUTE_S, 100.0))
BYTE_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
IN_SECONDS = {"s": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "minutes": 60.0, "hours": HOUR_S}
IN_BYTES = {"byte": 1.0, "bytes": 1.0} | {u: 1024.0**i for i, u in enumerate(BYTE_UNITS) if i}
MANY = 1_000.0


def readable_duration(seconds: float) -> str:
    """A length of time.

    >>> readable_duration(0.25), readable_duration(42.0), readable_duration(4_260)
    ('0.25 s', '42 s', '71 min')
    >>> readable_duration(11_500), readable_duration(-400_000)
    ('3.2 h', '-4.6 d')
    """
    size = abs(seconds)
    for unit, unit_s, least_s in STEPS_S:
        if size >= least_s:
            return f"{_short(seconds / unit_s)} {unit}"
    return f"{_short(seconds)} s"


def readable_bytes(size: float) -> str:
    """An amount of memory or of a disk.

    >>> readable_bytes(900), readable_bytes(1.5e9), readable_bytes(2**30)
    ('900 bytes', '1.4 GiB', '1 GiB')
    """
    power = 0
    while abs(size) >= 1024 and power < len(BYTE_UNITS) - 1:
        size, power = size / 1024, power + 1
    return f"{_short(size)} {BYTE_UNITS[power]}"


def readable_number(value: float) -> str:
    """A number with three digits that count, and all digits of whole numbers.

    >>> readable_number(4.0), readable_number(0.12345), readable_number(1234567.8)
    ('4', '0.123', '1,234,568')
    """
    if not math.isfinite(value):
        return "unknown" if math.isnan(value) else "beyond any number"
    if abs(value) >= 1e15:
        return f"{value:.2e}"
    if abs(value) >= MANY or value == round(value):
        return f"{round(value):,}"
    return f"{value:.3g}"


def readable_quantity(value: float, unit: str) -> str:
    """A value of a unit; a length of time or an amount of memory in the unit that suits it.

    >>> readable_quantity(4_260, "s"), readable_quantity(3, "GiB"), readable_quantity(5, "EUR")
    ('71 min', '3 GiB', '5 EUR')
    """
    if not math.isfinite(value):
        return readable_number(value)
    if unit in IN_SECONDS:
        return readable_duration(value * IN_SECONDS[unit])
    if unit in IN_BYTES:
        return readable_bytes(value * IN_BYTES[unit])
    return f"{readable_number(value)} {unit}".rstrip()


def scaled_quantity(value: float, unit: str) -> tuple[float, str]:
    """The size and the name of the unit in which people read values like this one, for an axis.

    >>> scaled_quantity(4_260, "s"), scaled_quantity(42.0, "seconds"), scaled_quantity(7, "EUR")
    ((60.0, 'min'), (1.0, 's'), (1.0, 'EUR'))
    """
    if unit not in IN_SECONDS:
        return 1.0, unit
    seconds = abs(value) * IN_SECONDS[unit]
    steps = ((size, name) for name, size, least in STEPS_S if seconds >= least)
    size, name = next(steps, (1.0, "s"))
    return size / IN_SECONDS[unit], name


def readable_change(value: float, unit: str) -> str:
    """A difference of two values, with its sign.

    >>> readable_change(4_260, "s"), readable_change(-0.5, "points")
    ('+71 min', '-0.5 points')
    """
    return f"{'-' if value < 0 else '+'}{readable_quantity(abs(value), unit)}"


def readable_share(share: float) -> str:
    """A share or probability in percent.

    >>> readable_share(0.4357), readable_share(0.004), readable_share(1.0)
    ('44 %', '0.4 %', '100 %')
    """
    return f"{_short(100 * share)} %"


def _short(value: float) -> str:
    """Two digits that count, or the whole number.

    >>> _short(3.24), _short(71.3), _short(0.0374), _short(2.0), _short(1234.0)
    ('3.2', '71', '0.037', '2', '1,234')
    """
    if abs(value) >= 9.95:
        return f"{value:,.0f}"
    return f"{value:.2g}"
