"""What may be lost, what has been, and what is left."""

from dataclasses import dataclass
from datetime import date, datetime

from runlore.kernel.errors import BadInput, NotFound
from runlore.privacy.queries.budgets import (
    EVERYBODY,
    PrivacyBudget,
    PrivacySpend,
    count_charged,
    next_period,
    period_of,
    read_budgets,
    read_least_left,
    read_spends,
)
from runlore.privacy.queries.opt_outs import opted_out
from runlore.privacy.rules.accounting import PrivacyLoss, granted
from runlore.privacy.rules.aggregates import AggregatePlan, plan_aggregate
from runlore.privacy.rules.policy import PrivacyPolicy
from runlore.store.engine import Store

MOST_MONTHS = 120
MOST_SPENDS = 1_000


@dataclass(frozen=True, eq=False)
class BudgetReport:
    """current: of this month. budgets: by month, the newest first. spends: of this month.

    persona: empty is what is asked of all personas.
    """

    persona: str
    period: date
    renewed: date
    current: PrivacyBudget
    budgets: tuple[PrivacyBudget, ...]
    spends: tuple[PrivacySpend, ...]
    plan: AggregatePlan

    @property
    def aggregates_left(self) -> int:
        """How many further aggregates the month allows."""
        allowed, loss = granted(self.plan.policy), self.plan.loss
        rho = min(self.current.rho_granted, allowed.rho) - self.current.rho_spent
        delta = min(self.current.delta_granted, allowed.delta) - self.current.delta_spent
        return max(0, min(rho // loss.rho, delta // loss.delta))


def read_report(
    store: Store, policy: PrivacyPolicy, at: datetime, persona: str = EVERYBODY
) -> BudgetReport:
    """Budgets as they stand at an instant of this month; before the first charge nothing is spent.

    Raises:
        NotFound: the persona was never charged.
        BadInput: a name that no persona has.
    """
    if len(persona) > 1024 or "\x00" in persona:
        raise BadInput("persona: use a shorter name without null characters", "persona")
    period = period_of(at)
    with store.connect() as connection:
        budgets = read_budgets(connection, persona, period, MOST_MONTHS)
        spends = read_spends(connection, period, at, MOST_SPENDS)
    if persona and not budgets:
        raise NotFound(f"persona {persona[:80]!r} was never charged")
    current = next((one for one in budgets if one.period == period), None)
    return BudgetReport(
        persona,
        period,
        next_period(period),
        current or _untouched(period, persona, granted(policy)),
        tuple(budgets),
        tuple(spends),
        plan_aggregate(policy),
    )


def has_budgets(store: Store) -> bool:
    """Whether a private answer was ever given. Raises Unavailable."""
    with store.connect() as connection:
        row = connection.execute("SELECT EXISTS (SELECT FROM runlore.privacy_budgets)").fetchone()
    return row is not None and bool(row[0])


@dataclass(frozen=True)
class PersonaBudgets:
    """Of one month. exhausted: personas that another aggregate would leave out. opted_out: now.

    most_spent: with their names; show pseudonyms of them.
    """

    charged: int
    exhausted: int
    opted_out: int
    most_spent: tuple[PrivacyBudget, ...]


def read_persona_budgets(
    store: Store, policy: PrivacyPolicy, at: datetime, limit: int
) -> PersonaBudgets:
    """Of the month of this instant; `limit` of the personas, those with the least left first."""
    period = period_of(at)
    with store.connect() as connection:
        loss = plan_aggregate(policy).loss
        charged, exhausted = count_charged(connection, period, loss, granted(policy))
        rows = read_least_left(connection, period, limit)
        return PersonaBudgets(charged, exhausted, len(opted_out(connection)), tuple(rows))


def _untouched(period: date, persona: str, allowed: PrivacyLoss) -> PrivacyBudget:
    return PrivacyBudget(period, persona, allowed.rho, 0, allowed.delta, 0)
