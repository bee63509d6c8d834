"""Run times as users, and their jobs that have ended, predict them."""

from collections import deque
from collections.abc import Hashable, Iterator

from runlore.planning.rules.backfilling.workload import Workload

REMEMBERED = 20  # like jobs
LEAST_ALIKE = 3


class Requested:
    """What the user has requested."""

    def __init__(self, jobs: Workload) -> None:
        self._limits: list[float] = jobs.limit_s.tolist()

    def predict(self, job: int) -> float:
        return self._limits[job]

    def learn(self, job: int) -> None: ...


class Exact:
    """What the job will really run: nobody knows it, and it bounds what predictions can gain."""

    def __init__(self, jobs: Workload) -> None:
        self._ran: list[float] = jobs.ran_s.tolist()

    def predict(self, job: int) -> float:
        return self._ran[job]

    def learn(self, job: int) -> None: ...


class LastTwo:
    """The mean of the user's last two jobs that have ended, at most the request.

    Until two have ended: the request. Source: Tsafrir, Etsion, Feitelson 2007.
    """

    def __init__(self, jobs: Workload) -> None:
        self._limits: list[float] = jobs.limit_s.tolist()
        self._ran: list[float] = jobs.ran_s.tolist()
        self._users: list[int] = jobs.user.tolist()
        self._last: dict[int, tuple[float, ...]] = {}

    def predict(self, job: int) -> float:
        last = self._last.get(self._users[job], ())
        limit = self._limits[job]
        return limit if len(last) < 2 else min(sum(last) / 2, limit)

    def learn(self, job: int) -> None:
        user = self._users[job]
        self._last[user] = (*self._last.get(user, ()), self._ran[job])[-2:]


class LikeJobs:
    """A quantile of the share of the request that like jobs have used.

    Like jobs are the last 20 that have ended, of the same user, request and slots; with fewer than
    three: of the same user and request; of the same user; of the same request. Without these: the
    request. The quantile of n shares is the k-th smallest, k = level (n + 1), rounded up.
    """

    def __init__(self, jobs: Workload, level: float) -> None:
        self._limits: list[float] = jobs.limit_s.tolist()
        self._ran: list[float] = jobs.ran_s.tolist()
        self._users: list[int] = jobs.user.tolist()
        self._slots: list[float] = jobs.slots.tolist()
        self._level = level
        self._ended: dict[Hashable, deque[float]] = {}

    def predict(self, job: int) -> float:
        limit = self._limits[job]
        for group in self._groups(job):
            shares = self._ended.get(group, ())
            if len(shares) >= LEAST_ALIKE:
                rank = int(self._level * (len(shares) + 1) - 1e-9)
                return min(sorted(shares)[min(rank, len(shares) - 1)], 1.0) * limit
        return limit

    def learn(self, job: int) -> None:
        share = self._ran[job] / self._limits[job]
        for group in self._groups(job):
            self._ended.setdefault(group, deque(maxlen=REMEMBERED)).append(share)

    def _groups(self, job: int) -> Iterator[Hashable]:
        user, limit = self._users[job], self._limits[job]
        yield user, limit, self._slots[job]
        yield user, limit
        yield user
        yield "any user", limit
