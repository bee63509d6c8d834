"""What to simulate: sizes, shares and the planted change, as data."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from runlore.kernel.errors import BadInput

SHARES = ("change_at", "late_share", "corrected_share", "cancelled_share")
LEAST = {
    "executions": 1,
    "days": 2,
    "actors": 1,
    "kinds": 1,
    "hosts": 1,
    "dirty_rows": 0,
    "seed": 0,
}
MOST_DAYS = 3650


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The same scenario gives the same log, byte for byte.

    end: the moment the log was taken; nothing that became known later is in it.
    change_at: share of the span after which a release changes two kinds; 1 plants no change.
    change_size: factor on those kinds' `size_gb`; change_logit: added to their failure log-odds.
    late_share: outcomes known hours or days after the finish.
    corrected_share: results reported wrong at first and put right by a second record.
    """

    seed: int = 7
    executions: int = 20_000
    days: int = 120
    end: datetime = datetime(2025, 10, 1, tzinfo=UTC)
    actors: int = 40
    kinds: int = 8
    hosts: int = 6
    change_at: float = 0.85
    change_size: float = 2.0
    change_logit: float = 1.0
    late_share: float = 0.05
    corrected_share: float = 0.01
    cancelled_share: float = 0.03
    dirty_rows: int = 50

    def __post_init__(self) -> None:
        for name, least in LEAST.items():
            if (value := getattr(self, name)) < least:
                raise BadInput(f"{name}: {value} is too small; give at least {least}", name)
        for name in SHARES:
            if not 0 <= (share := getattr(self, name)) <= 1:
                raise BadInput(f"{name}: {share} is no share; give a number from 0 to 1", name)
        if self.days > MOST_DAYS:
            raise BadInput(f"days: {self.days} is too many; give at most {MOST_DAYS}", "days")
        if not self.change_size > 0:
            raise BadInput(f"change_size: {self.change_size} must be above 0", "change_size")
        if self.end.tzinfo is None:
            raise BadInput(f"end: {self.end} has no time zone; add Z or an offset", "end")
        object.__setattr__(self, "end", self.end.astimezone(UTC).replace(microsecond=0))

    @property
    def first(self) -> datetime:
        return self.end - timedelta(days=self.days)

    @property
    def span_s(self) -> int:
        return self.days * 86_400

    @property
    def change_s(self) -> float:
        """Seconds from the first instant to the planted change."""
        return self.change_at * self.span_s

    def instant(self, second: float) -> str:
        """ISO 8601 of a second counted from the first instant."""
        return (self.first + timedelta(seconds=int(second))).strftime("%Y-%m-%dT%H:%M:%SZ")

    def as_json(self) -> dict[str, str | int | float]:
        return asdict(self) | {"end": self.instant(self.span_s)}
