"""Limit how often somebody may fail to sign in: so many times a minute, of each address."""

from dataclasses import dataclass, field
from math import ceil
from time import monotonic

from bentos.http.errors import TooMany

MAX_FAILURES = 10  # a minute, of each address and worker process
MINUTE_S = 60.0
MAX_ADDRESSES = 10_000  # in memory; more of them share one budget
OTHERS = "others"


@dataclass
class FailedSignIns:
    """For one event loop. The first failure of an address begins its minute."""

    limit: int = MAX_FAILURES
    _minutes: dict[str, tuple[float, int]] = field(default_factory=dict)  # until, failures

    def check(self, address: str) -> None:
        """Raise TooMany while an address has no attempt left; a right password waits, too."""
        until, failures = self._minutes.get(self._bucket(address), (0.0, 0))
        left_s = until - monotonic()
        if failures >= self.limit and left_s > 0:
            seconds = max(1, ceil(left_s))
            raise TooMany(
                f"{failures} sign-ins failed this minute; try again in {seconds} s, or run"
                " `runlore console` where the service runs",
                {"Retry-After": str(seconds)},
            )

    def add(self, address: str) -> None:
        """Count one failure."""
        now = monotonic()
        if len(self._minutes) >= MAX_ADDRESSES:
            self._minutes = {a: m for a, m in self._minutes.items() if m[0] > now}
        bucket = self._bucket(address)
        until, failures = self._minutes.get(bucket, (0.0, 0))
        self._minutes[bucket] = (until, failures + 1) if until > now else (now + MINUTE_S, 1)

    def _bucket(self, address: str) -> str:
        is_known = address in self._minutes or len(self._minutes) < MAX_ADDRESSES
        return address if is_known else OTHERS
