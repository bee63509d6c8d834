"""How the cells of a log are written: types of columns, marks within numbers, formats of dates."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, cast, get_args

from runlore.kernel.errors import BadInput

Epoch = Literal["s", "ms", "us"]
CellType = Literal["text", "number", "duration", "memory"]
DECIMALS = (".", ",")
THOUSANDS = (",", ".", " ", "'", "_")


def split_type(name: str) -> tuple[CellType, str]:
    """The type before a name, and the name; BadInput for another type.

    >>> split_type("text:release")
    ('text', 'release')
    """
    cell_type, _, column = name.partition(":")
    if cell_type not in get_args(CellType):
        raise BadInput(f"types: {cell_type!r} is none of {', '.join(get_args(CellType))}", "types")
    return cast("CellType", cell_type), column


def split_types(names: Mapping[str, str]) -> tuple[dict[str, str], dict[str, CellType]]:
    """Key -> column without the types that stand before either, and column -> type.

    >>> split_types({"text:release": "text:release", "number:n": "files", "host": "host"})
    ({'release': 'release', 'n': 'files', 'host': 'host'}, {'release': 'text', 'files': 'number'})
    """
    plain, types = {}, {}
    for key, column in names.items():
        of_key, bare_key = _split(key)
        of_column, bare_column = _split(column)
        plain[bare_key] = bare_column
        if cell_type := of_key or of_column:
            types[bare_column] = cell_type
    return plain, types


def _split(name: str) -> tuple[CellType | None, str]:
    before, colon, after = name.partition(":")
    if colon and after and before in get_args(CellType):
        return cast("CellType", before), after
    return None, name


def check_marks(decimal: str, thousands: str | None) -> None:
    """Raise BadInput unless the marks within numbers are two different ones that are in use."""
    if decimal not in DECIMALS:
        raise BadInput(f"decimal: {decimal!r} is neither '.' nor ','", "decimal")
    if thousands is not None and thousands not in THOUSANDS:
        raise BadInput(f"thousands: {thousands!r} is none of {' '.join(THOUSANDS)}", "thousands")
    if thousands == decimal:
        raise BadInput(
            f"thousands: {thousands!r} is the decimal mark already; say --decimal as well",
            "thousands",
        )


def check_date_format(date_format: str) -> None:
    """Raise BadInput unless an instant that is written in the format can be read back."""
    day = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
    try:
        read = datetime.strptime(day.strftime(date_format), date_format)  # noqa: DTZ007
    except ValueError as error:
        raise BadInput(f"date_format: {date_format!r}: {error}", "date_format") from error
    if read.date() != day.date():
        raise BadInput(
            f"date_format: {date_format!r} names no day; use a format such as %d.%m.%Y %H:%M",
            "date_format",
        )
