"""Dates that have one reading only, rewritten as ISO 8601; and the two readings of those with two.

Day and month are never guessed: 03/04/2025 is left alone.
"""

import re

import pyarrow as pa
import pyarrow.compute as pc

TIME = (
    r"(?:(?:,? +|T|:)(?P<h>\d{1,2}):(?P<i>\d\d)(?::(?P<s>\d\d(?:[.,]\d{1,9})?))?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?)?"
)
ZONE = r"(?: ?(?P<z>Z|UTC|GMT|[+-]\d\d:?\d\d))?"
NAME = r"(?P<name>[A-Za-z]{3})[a-z]*\.?"
DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?"
WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? +)?"
FORMS = (
    rf"^(?P<d>\d{{1,2}})\.(?P<m>\d{{1,2}})\.(?P<y>\d{{4}}){TIME}{ZONE}$",  # 31.1.2025 6:21
    rf"^(?P<y>\d{{4}})[-/.](?P<m>\d{{1,2}})[-/.](?P<d>\d{{1,2}}){TIME}{ZONE}$",  # 2025/1/31
    rf"^{WEEKDAY}{DAY}[ /-]{NAME}[ /-](?P<y>\d{{4}}){TIME}{ZONE}$",  # Fri, 31 Jan 2025 06:21 GMT
    rf"^{WEEKDAY}{NAME} {DAY},? +(?P<y>\d{{4}}){TIME}{ZONE}$",  # January 31, 2025 6:21 AM
    rf"^{WEEKDAY}{NAME} +{DAY}{TIME} +(?P<y>\d{{4}})$",  # Fri Jan 31 06:21:00 2025
)
COMPACT = r"^(\d{4})(\d\d)(\d\d)[T_ -](\d\d)(\d\d)(\d\d)(Z?)$"  # 20250131T062100Z
DAY_FIRST = r"^(1[3-9]|2\d|3[01])/"  # 25/12/2025
MONTH_FIRST = r"^\d{1,2}/(1[3-9]|2\d|3[01])/"  # 12/25/2025
TWO_READINGS = r"^\d{1,2}/\d{1,2}/\d{2,4}\b"
MONTHS = pa.array("jan feb mar apr may jun jul aug sep oct nov dec".split())  # noqa: SIM905


def as_iso(text: pa.Array) -> pa.Array:
    """The same cells, those of other forms with one reading as ISO 8601.

    >>> as_iso(pa.array(["1.9.2025 6:21", "Sep 1, 2025 6:21 PM", "1/9/2025"])).to_pylist()
    ['2025-09-01T06:21', '2025-09-01T18:21', '1/9/2025']
    """
    text = pc.replace_substring_regex(text, COMPACT, r"\1-\2-\3T\4:\5:\6\7")
    for form in FORMS:
        parts = pc.extract_regex(text, form)
        if parts.null_count < len(parts):
            text = pc.coalesce(_iso(parts), text)
    return text


def readings(cell: str) -> tuple[str, str] | None:
    """The two formats that a date such as 03/04/2025 14:05 may have; None: it is no such date.

    >>> readings("03/04/2025 14:05")
    ('%d/%m/%Y %H:%M', '%m/%d/%Y %H:%M')
    """
    if not re.match(TWO_READINGS, cell):
        return None
    date, _, time = cell.partition(" ")
    year = "%Y" if len(date.rpartition("/")[2]) == 4 else "%y"
    is_half_day = time[-2:].upper() in ("AM", "PM")
    clock = ("%I" if is_half_day else "%H") + "".join(
        f":{part}" for part in ("%M", "%S")[: time.count(":")]
    )
    rest = f" {clock}{' %p' if is_half_day else ''}" if time else ""
    return f"%d/%m/{year}{rest}", f"%m/%d/{year}{rest}"


def _iso(parts: pa.Array) -> pa.Array:
    """ISO 8601 out of named parts; null where a row has none."""
    names = {field.name for field in parts.type}

    def part(name: str) -> pa.Array:
        if name not in names:
            return pa.repeat("", len(parts))
        return pc.struct_field(parts, name)

    month = part("m")
    if "name" in names:
        at = pc.index_in(pc.utf8_lower(part("name")), value_set=MONTHS)
        month = pc.cast(pc.add(at, 1), pa.string())
    date = pc.binary_join_element_wise(part("y"), _padded(month), _padded(part("d")), "-")
    hour, minute, second = _hour(part("h"), part("half")), part("i"), part("s")
    has_time = pc.greater(pc.binary_length(minute), 0)
    time = pc.binary_join_element_wise("T", _padded(hour), ":", minute, "")
    seconds = pc.if_else(pc.equal(second, ""), "", pc.binary_join_element_wise(":", second, ""))
    zone = pc.replace_substring_regex(part("z"), "^(UTC|GMT)$", "Z")
    clock = pc.if_else(has_time, pc.binary_join_element_wise(time, seconds, zone, ""), "")
    return pc.binary_join_element_wise(date, clock, "")


def _hour(hour: pa.Array, half: pa.Array) -> pa.Array:
    """The hour of 24: 12 AM is 0, 1 PM is 13."""
    has_half = pc.and_(pc.not_equal(half, ""), pc.not_equal(hour, ""))
    if not pc.any(has_half).as_py():
        return hour
    number = pc.cast(pc.if_else(has_half, hour, "0"), pa.int32())
    of_noon = pc.if_else(pc.equal(number, 12), pa.scalar(0, pa.int32()), number)
    is_afternoon = pc.equal(pc.utf8_lower(half), "p")
    of_day = pc.if_else(is_afternoon, pc.add(of_noon, pa.scalar(12, pa.int32())), of_noon)
    return pc.if_else(has_half, pc.cast(of_day, pa.string()), hour)


def _padded(text: pa.Array) -> pa.Array:
    return pc.utf8_lpad(text, 2, "0")
