"""Keep alerts open for pools that are or will soon be full, and for budgets that are used up."""

from datetime import datetime

from runlore.alerts.actions.handling import raise_alert, resolve_alert
from runlore.alerts.queries.anomalies import read_open
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.kernel.readable import readable_share
from runlore.planning.actions import budget_alerts
from runlore.planning.actions.capacity import CapacityQuery, PoolCapacity, plan_capacity
from runlore.planning.actions.capacity_text import conclude_full
from runlore.planning.rules.capacity.alert_rule import LEAD_DAYS, is_due
from runlore.store.engine import Store

KIND = "capacity"


def watch_capacity(store: Store, at: datetime) -> list[PoolCapacity]:
    """Raise, keep or resolve the alerts of each pool; returns all pools.

    One of which nothing can be told stays as it was; that of a pool that was removed ends, and so
    does that of a budget or a cost that was.
    """
    plans = plan_capacity(store, CapacityQuery(has_waiting=False), at)
    names = {one.pool.name for one in plans}
    with store.begin() as connection:
        for one in plans:
            full = one.outcomes[0].full
            if is_due(full):
                raise_alert(connection, _finding(one), at)
            elif full.state != "unknown":
                resolve_alert(connection, KIND, one.pool.name, at)
        for alert in read_open(connection, KIND):
            if alert.subject not in names:
                resolve_alert(connection, KIND, alert.subject, at)
    budget_alerts.watch_budgets(store, plans, at)
    return plans


def due_pools(plans: list[PoolCapacity]) -> list[PoolCapacity]:
    """Those that are full, or soon will be."""
    return [one for one in plans if is_due(one.outcomes[0].full)]


def _finding(one: PoolCapacity) -> AlertFinding:
    today = one.outcomes[0]
    full, name = today.full, one.pool.name
    dates = {
        named: None if day is None else day.isoformat()
        for named, day in (
            ("early", one.day(full.early)),
            ("median", one.day(full.median)),
            ("late", one.day(full.late)),
        )
    }
    soon = full.chance_within(LEAD_DAYS)
    return AlertFinding(
        KIND,
        name,
        Severity.CRITICAL if full.state == "full" else Severity.WARNING,
        conclude_full(one, today),
        "seen in the log"
        if full.state == "full"
        else f"{readable_share(soon)} of the paths that demand may take are full within"
        f" {LEAD_DAYS} days",
        f"add slots or move work elsewhere: `runlore plan capacity --pool {name!r} --what-if"
        f" {name}={2 * one.pool.size:g}` shows what a size does, `runlore plan pools --set`"
        " changes it",
        evidence={
            "pool": name,
            "size": one.pool.size,
            "state": full.state,
            "utilisation": today.utilisation,
            "probability": full.probability,
            "within_lead": soon,
            **dates,
        },
    )
