"""What every tool answers: a sentence, figures with their evidence, rows, and what was cut."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Z_90 = 1.6448536269514722


@dataclass(frozen=True)
class Figure:
    """A number with its evidence.

    low, high: of its interval of 90 %, unless the name says another; None: it has none. n: what it
    stands on, such as runs; None: not counted. id: on the ledger; None: it is not an answer of a
    model. as_of: nothing that was known later is in it.
    """

    name: str
    value: float | None
    unit: str
    as_of: datetime
    low: float | None = None
    high: float | None = None
    n: int | None = None
    id: str | None = None


@dataclass(frozen=True)
class ToolAnswer:
    """answer: sentences, in which text of logs is quoted. truncated: what was cut, and how to get
    it; empty: nothing was."""

    answer: str
    as_of: datetime
    figures: Sequence[Figure] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    truncated: Sequence[str] = field(default=())


def share_interval(successes: int, n: int) -> tuple[float | None, float | None]:
    """The interval of 90 % of a share by Wilson, "Probable inference", 1927; (None, None) of none.

    >>> [round(bound, 3) for bound in share_interval(3, 10)]
    [0.127, 0.558]
    >>> share_interval(0, 0)
    (None, None)
    """
    if not n:
        return None, None
    share, z2 = successes / n, Z_90**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_90 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def share_figure(name: str, part: int, n: int, as_of: datetime) -> Figure:
    low, high = share_interval(part, n)
    return Figure(name, part / n if n else None, "share", as_of, low, high, n)


def cut_note(what: str, shown: int, total: int | str, how: str) -> tuple[str, ...]:
    """
    >>> cut_note("runs", 10, 10_000, "ask with until"), cut_note("runs", 3, 3, "")
    (('truncated: 10 of 10,000 runs shown; ask with until',), ())
    """
    if isinstance(total, int) and shown >= total:
        return ()
    whole = f"{total:,}" if isinstance(total, int) else total
    return (f"truncated: {shown:,} of {whole} {what} shown; {how}",)
