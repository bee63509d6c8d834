"""When a file system has too little room left."""

from dataclasses import dataclass

from runlore.alerts.rules.finding import AlertFinding, Severity

KIND = "disk"
MB = 1_000_000


@dataclass(frozen=True)
class DiskLimits:
    """Less than `free_mb` is critical, less than `free_percent` a warning; 0: no limit."""

    free_mb: int = 1_000
    free_percent: float = 5.0


@dataclass(frozen=True)
class DiskSpace:
    """name: what lies there, such as `home`. place: a folder of the file system."""

    name: str
    place: str
    free_bytes: int
    total_bytes: int

    @property
    def free_percent(self) -> float:
        return 100 * self.free_bytes / self.total_bytes if self.total_bytes else 0.0


def judge(space: DiskSpace, limits: DiskLimits) -> AlertFinding | None:
    """The finding of a file system that has too little room; None when it has enough.

    >>> judge(DiskSpace("home", "/data", 400 * MB, 100_000 * MB), DiskLimits()).severity
    <Severity.CRITICAL: 'critical'>
    >>> judge(DiskSpace("home", "/data", 4_000 * MB, 100_000 * MB), DiskLimits()).what
    'home: 4.0 GB (4.0 %) are free in /data, less than 5 %'
    >>> judge(DiskSpace("home", "/data", 6_000 * MB, 100_000 * MB), DiskLimits())
    """
    if space.free_bytes < limits.free_mb * MB:
        return _finding(space, Severity.CRITICAL, f"{limits.free_mb:,} MB")
    if space.free_percent < limits.free_percent:
        return _finding(space, Severity.WARNING, f"{limits.free_percent:g} %")
    return None


def _finding(space: DiskSpace, severity: Severity, limit: str) -> AlertFinding:
    free = f"{space.free_bytes / 1e9:.1f} GB ({space.free_percent:.1f} %)"
    return AlertFinding(
        KIND,
        space.name,
        severity,
        f"{space.name}: {free} are free in {space.place}, less than {limit}",
        "certain: the file system says so",
        "make room there: on a full disk predictions answer 503, and nothing is recorded. Old"
        " reports, old logs and months of the ledger (RUNLORE_LEDGER_DAYS) can go; the limits are"
        " RUNLORE_DISK_FREE_MB and RUNLORE_DISK_FREE_PERCENT",
        evidence={"free_bytes": space.free_bytes, "total_bytes": space.total_bytes},
    )
