"""Lengths of time as tools and people write them, in seconds, a column at a time."""

import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.formats.instants import numbers

# 1-02:03:04.5 · 02:03:04 · 03:04 · 1 day, 2:03:04
CLOCK = (
    r"^(?P<sign>-?)(?:(?P<d>\d+)(?:-| days?,? *))?(?:(?P<h>\d+):)?(?P<m>\d+):(?P<s>\d+(?:\.\d*)?)$"
)
# 1d 2h 3m 4.5s 6ms · 21m 24s · 2 min 3 sec · 1 hour, 5 minutes · 900 ms
UNITS = {
    "w": (604_800.0, "w|weeks?"),
    "d": (86_400.0, "d|days?"),
    "h": (3_600.0, "h|hrs?|hours?"),
    "m": (60.0, "m|mins?|minutes?"),
    "s": (1.0, "s|secs?|seconds?"),
    "ms": (1e-3, "ms|millis(?:econds?)?|msecs?"),
    "us": (1e-6, "us|µs|micros(?:econds?)?"),
    "ns": (1e-9, "ns|nanos(?:econds?)?"),
}
PARTS = "".join(
    rf"(?:(?P<{name}>\d+(?:\.\d*)?|\.\d+)\s*(?:{words}),?\s*)?"
    for name, (_, words) in UNITS.items()
)
WITH_UNITS = rf"^(?P<sign>-?){PARTS}$"
# P1DT2H3M4.5S
ISO_8601 = (
    r"^(?P<sign>-?)p(?:(?P<w>\d+)w)?(?:(?P<d>\d+)d)?"
    r"(?:t(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+(?:[.,]\d*)?)s)?)?$"
)


def seconds(values: pa.Array, unit_s: float = 1.0) -> pa.Array:
    """float64; null where the column is null or holds no length of time.

    unit_s: what one is worth in a plain number, in seconds.

    >>> seconds(pa.array(["1-02:03:04", "21m 24s", "51.6s", "0:07", "90", "soon"])).to_pylist()
    [93784.0, 1284.0, 51.6, 7.0, 90.0, None]
    """
    if not pa.types.is_string(values.type):
        return pc.multiply(numbers(values), unit_s)
    text = pc.utf8_lower(pc.utf8_trim_whitespace(values))
    plain = pc.multiply(numbers(text), unit_s)
    left = pc.if_else(plain.is_valid(), None, text)
    for form in (CLOCK, WITH_UNITS, ISO_8601):
        if left.null_count == len(left):
            break
        parsed = _of_parts(left, form)
        plain = pc.coalesce(plain, parsed)
        left = pc.if_else(parsed.is_valid(), None, left)
    return plain


def _of_parts(text: pa.Array, form: str) -> pa.Array:
    """The sum of the parts of a form; null where the text has another form or no part."""
    parts = pc.extract_regex(text, form)
    total = pa.nulls(len(text), pa.float64())
    for name in (field.name for field in parts.type if field.name in UNITS):
        part = pc.struct_field(parts, name)
        has_digits = pc.greater(pc.binary_length(part), 0)
        if not pc.any(has_digits).as_py():
            continue
        digits = pc.replace_substring(pc.if_else(has_digits, part, None), ",", ".")
        value = pc.multiply(numbers(digits), UNITS[name][0])
        total = pc.if_else(total.is_valid(), pc.add(total, pc.fill_null(value, 0.0)), value)
    is_negative = pc.equal(pc.struct_field(parts, "sign"), "-")
    return pc.if_else(is_negative, pc.negate(total), total)
