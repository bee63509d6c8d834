"""Keep an alert open for each pool whose budget is exceeded, or rather than not will soon be."""

from datetime import date, datetime

from runlore.alerts.actions.handling import raise_alert, resolve_alert
from runlore.alerts.queries.anomalies import read_open
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.kernel.readable import readable_share
from runlore.planning.actions.capacity import PoolCapacity
from runlore.planning.actions.capacity_text import conclude_spend
from runlore.planning.rules.capacity.alert_rule import LEAD_DAYS, is_due
from runlore.planning.rules.capacity.spend import SpendOutlook
from runlore.store.engine import Store

KIND = "pool-budget"


def due_budgets(plans: list[PoolCapacity]) -> list[PoolCapacity]:
    """Those whose budget of a month is exceeded, or soon will be."""
    spends = ((one, one.outcomes[0].spend) for one in plans)
    return [one for one, spend in spends if spend is not None and is_due(spend)]


def watch_budgets(store: Store, plans: list[PoolCapacity], at: datetime) -> None:
    """Raise, keep or resolve the alert of each pool's budget.

    While nothing can be told it stays as it was; without a budget, a cost or the pool it ends.
    """
    names = {one.pool.name for one in plans}
    with store.begin() as connection:
        for one in plans:
            spend, pool = one.outcomes[0].spend, one.pool
            is_priced = pool.budget_per_month is not None and pool.cost_per_hour is not None
            if spend is not None and is_due(spend):
                raise_alert(connection, _finding(one, spend), at)
            elif not is_priced or (spend is not None and spend.state != "unknown"):
                resolve_alert(connection, KIND, pool.name, at)
        for alert in read_open(connection, KIND):
            if alert.subject not in names:
                resolve_alert(connection, KIND, alert.subject, at)


def _finding(one: PoolCapacity, spend: SpendOutlook) -> AlertFinding:
    is_over, name = spend.state == "exceeded", one.pool.name
    soon = spend.chance_within(LEAD_DAYS)
    days = {"early": spend.early, "median": spend.median, "late": spend.late}
    return AlertFinding(
        KIND,
        name,
        Severity.CRITICAL if is_over else Severity.WARNING,
        conclude_spend(one, spend),
        "seen in the log"
        if is_over
        else f"{readable_share(soon)} of the paths that demand may take exceed it within"
        f" {LEAD_DAYS} days",
        f"move work to a cheaper pool, or later: `runlore plan capacity --pool {name!r}` shows"
        " what each month costs; `runlore plan pools --set` changes budget_per_month",
        evidence={
            "pool": name,
            "size": one.pool.size,
            "state": spend.state,
            "utilisation": one.outcomes[0].utilisation,
            "budget": spend.budget,
            "spent": spend.spent,
            "probability": spend.probability,
            "within_lead": soon,
            **{named: _text(None if is_over else one.day(day)) for named, day in days.items()},
        },
    )


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
