"""A maintenance spec: which scopes are visited on whose terms, and when that is an alert.

A user's own spec is a module-level `MaintenanceSpec`, named in `RUNLORE_MAINTENANCE_SPECS`.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from runlore.kernel.errors import Misconfigured
from runlore.specs.model_spec import NAME


@dataclass(frozen=True)
class MaintenanceSpec:
    """Which hosts and devices, what a failure of them is, and when a visit to them is due.

    name: of the spec. scope: a pattern with `*` and `?`, such as `pump-*`; the first spec that
    takes a scope counts. failures: `kind` (executions of the failure kinds), `failed` (failed
    executions of other kinds, too), or `auto` (those only where the log has none of the failure
    kinds). inputs: that may matter. same_hours, age_from, gone_days, horizon_days, crews,
    visit_hours, pool: as in `runlore advise maintenance`. lead_days: how long before a visit it is
    an alert. most_risk: of a failure within seven days, from which on it is an alert without a
    visit, too. only_renewed: scopes without a recorded failure or visit are left out, since what
    never fails in the log may be of another sort, or nobody records its failures.
    Raises Misconfigured for values that make no sense.
    """

    name: str
    scope: str = "*"
    failures: Literal["auto", "kind", "failed"] = "kind"
    failure_kinds: tuple[str, ...] = ("failure",)
    visit_kinds: tuple[str, ...] = ("maintenance",)
    inputs: tuple[str, ...] = ()
    same_hours: float = 1.0
    age_from: Literal["first", "renewal"] = "first"
    gone_days: float | None = None
    visit_cost: float = 1.0
    failure_cost: float = 10.0
    horizon_days: float = 30.0
    crews: int = 1
    visit_hours: float = 2.0
    pool: str | None = None
    lead_days: float = 7.0
    most_risk: float = 0.5
    only_renewed: bool = True

    def __post_init__(self) -> None:
        where = f"maintenance spec {self.name!r}"
        if not NAME.fullmatch(self.name):
            raise Misconfigured(f"{where}: use a-z, 0-9 and - in its name, a letter first")
        if not self.scope or "[" in self.scope or "\x00" in self.scope:
            raise Misconfigured(f"{where}: scope must be a name, or a pattern with * and ?")
        if not 0 < self.lead_days <= self.horizon_days:
            raise Misconfigured(f"{where}: lead_days must be above 0, and at most horizon_days")
        if not 0 < self.most_risk <= 1:
            raise Misconfigured(f"{where}: most_risk must be above 0 and at most 1")

    def takes(self, scope: str) -> bool:
        """Whether a scope is one of this spec.

        >>> MaintenanceSpec("pumps", scope="pump-*").takes("pump-7")
        True
        """
        return fnmatchcase(scope, self.scope)
