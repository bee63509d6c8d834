"""Text that goes into a CSV file, so that a spreadsheet shows it and does not run it."""

import re
from typing import TypeVar

T = TypeVar("T")

FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def neutralise(value: T) -> T | str:
    """A cell that no spreadsheet takes for a formula.

    Text that begins with `=`, `+`, `-`, `@`, a tab or a line break gets an apostrophe in front, as
    OWASP advises; numbers stay as they are, also as text. Text that has such an apostrophe already
    gets another one, so the original is what is left without the first apostrophe.

    >>> [neutralise(cell) for cell in ("=1+1", "@x", "-5", "-1e3", -5.0, "a=1", "'=x", "'x", None)]
    ["'=1+1", "'@x", '-5', '-1e3', -5.0, 'a=1', "''=x", "'x", None]
    """
    if not isinstance(value, str) or not FORMULA.match(value) or NUMBER.fullmatch(value):
        return value
    return f"'{value}"
