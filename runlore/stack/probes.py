"""Health probes over HTTP, straight to this machine, past any proxy."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runlore.kernel import instants
from runlore.web.prefect_api import NoAnswer, PrefectApi, ask


@dataclass(frozen=True)
class HttpProbe:
    """Well when the address answers with success."""

    url: str

    def check(self, _since: datetime) -> None:
        """Raise `NoAnswer` unless the service is well."""
        ask(self.url)


@dataclass(frozen=True)
class WorkerProbe:
    """A Prefect worker is well when it has reported to its pool since it was started."""

    api: PrefectApi
    pool: str

    def check(self, since: datetime) -> None:
        workers = self.api.post(f"/work_pools/{self.pool}/workers/filter", {})
        seen = [w.get("last_heartbeat_time") for w in workers if w.get("status") == "ONLINE"]
        if not any(at and datetime.fromisoformat(at) >= since for at in seen):
            raise NoAnswer(f"{self.api.url}: no worker of pool {self.pool!r} has reported yet")


@dataclass(frozen=True)
class TaskProbe:
    """A task, not a server: well when it has ended with exit code 0, so never while it runs."""

    def check(self, _since: datetime) -> None:
        raise NoAnswer("not ended yet")


@dataclass(frozen=True)
class HeartbeatProbe:
    """Well while it touches a file again and again, for what has no port."""

    file: Path
    within: timedelta = timedelta(seconds=30)

    def check(self, since: datetime) -> None:
        try:
            at = datetime.fromtimestamp(self.file.stat().st_mtime, UTC)
        except FileNotFoundError:
            raise NoAnswer(f"{self.file}: not there yet") from None
        if at < max(since, instants.now() - self.within):
            raise NoAnswer(f"{self.file}: not touched since {at:%H:%M:%S} UTC")


Probe = HttpProbe | WorkerProbe | TaskProbe | HeartbeatProbe
