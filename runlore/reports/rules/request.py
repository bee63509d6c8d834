"""What a report is asked for: a period, a part of the work, prices, and an instant of knowledge."""

from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite

from runlore.kernel.errors import BadInput
from runlore.records.names import trimmed
from runlore.reports.rules.period import ReportPeriod

LONGEST_WORD = 500
LARGEST_PRICE = 1e12
LONGEST_CURRENCY = 12


@dataclass(frozen=True)
class WorkFilter:
    """The part of the work that a report is about. None: all of it; empty: without that name."""

    scope: str | None = None
    kind: str | None = None
    actor: str | None = None

    def __post_init__(self) -> None:
        for name in ("scope", "kind", "actor"):
            word = getattr(self, name)
            if word is None:
                continue
            if len(word) > LONGEST_WORD or not (word.isprintable() or not word):
                raise BadInput(f"{name}: write one line of at most {LONGEST_WORD} letters", name)
            object.__setattr__(self, name, trimmed(word))

    @property
    def words(self) -> str:
        """
        >>> WorkFilter().words, WorkFilter(scope="web", actor="ann").words
        ('all work', 'scope web, actor ann')
        """
        parts = [
            f"{name} {word or '(no name)'}"
            for name in ("scope", "kind", "actor")
            if (word := getattr(self, name)) is not None
        ]
        return ", ".join(parts) or "all work"


@dataclass(frozen=True)
class ReportPrices:
    """What things cost, in the user's currency; None: not known, and then no sum is made up.

    hour: of running. check: of a person who looks at a warning. outcome: the measured result that
    holds what an execution cost. warns_at: an answer at or above it is a warning; None: the
    riskiest tenth of the answers are.
    """

    hour: float | None = None
    check: float | None = None
    currency: str = "USD"
    outcome: str | None = None
    warns_at: float | None = None

    def __post_init__(self) -> None:
        for name in ("hour", "check"):
            price = getattr(self, name)
            if price is not None and not (isfinite(price) and 0 <= price <= LARGEST_PRICE):
                raise BadInput(f"{name}: {price} is not a price from 0 to {LARGEST_PRICE:g}", name)
        if self.warns_at is not None and not 0 < self.warns_at <= 1:
            raise BadInput(f"warns_at: {self.warns_at} is not above 0 and at most 1", "warns_at")
        word = self.currency
        if not (0 < len(word) <= LONGEST_CURRENCY and word.isprintable() and word.strip() == word):
            raise BadInput(
                f"currency: {word[:80]!r} is not 1 to {LONGEST_CURRENCY} letters", "currency"
            )


@dataclass(frozen=True)
class ReportRequest:
    """known_at: what became known later is left out. until_seq: facts up to this number count;
    None: all that are there."""

    period: ReportPeriod
    known_at: datetime
    work: WorkFilter = field(default_factory=WorkFilter)
    prices: ReportPrices = field(default_factory=ReportPrices)
    until_seq: int | None = None
