"""Read a file of objects: JSON lines, or a CSV table with their fields."""

import codecs
import csv
import json
from collections.abc import Iterator
from typing import IO


def lines(file: IO[bytes]) -> Iterator[bytes]:
    """Files named *.csv are tables, in which empty cells are absent fields."""
    name = str(getattr(file, "name", "stdin"))
    if name.lower().endswith(".csv"):
        return _rows(file, name)
    return (line for line in file if line.strip())


def _rows(file: IO[bytes], name: str) -> Iterator[bytes]:
    from runlore.kernel.errors import BadInput

    table = csv.DictReader(codecs.iterdecode(file, "utf-8-sig"), restkey="columns")
    try:
        for row in table:
            yield json.dumps({field: cell for field, cell in row.items() if cell}).encode()
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadInput(f"{name}: cannot be read after line {table.line_num} ({error})") from error
