"""What each persona may lose in a month, and has lost: whole units, never above what is granted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import LiteralString

from psycopg.rows import class_row

from runlore.kernel.errors import Refused
from runlore.privacy.queries import Connection
from runlore.privacy.rules.accounting import PrivacyLoss

EVERYBODY = ""  # the row of what is asked of all personas, which also orders spenders
MAKE: LiteralString = """
INSERT INTO runlore.privacy_budgets (period, persona, rho_granted, delta_granted)
VALUES (%(period)s, '', %(rho_granted)s, %(delta_granted)s) ON CONFLICT DO NOTHING
"""
LOCK: LiteralString = """
SELECT FROM runlore.privacy_budgets WHERE period = %(period)s AND persona = '' FOR UPDATE
"""
# A budget once granted is never raised; a smaller one holds at once.
CHARGE_ALL: LiteralString = """
UPDATE runlore.privacy_budgets SET rho_spent = rho_spent + %(rho)s,
    delta_spent = delta_spent + %(delta)s
WHERE period = %(period)s AND persona = ''
    AND rho_spent + %(rho)s <= least(rho_granted, %(rho_granted)s)
    AND delta_spent + %(delta)s <= least(delta_granted, %(delta_granted)s)
"""
CHARGE_EACH: LiteralString = """
INSERT INTO runlore.privacy_budgets AS budget
    (period, persona, rho_granted, delta_granted, rho_spent, delta_spent)
SELECT %(period)s, name, %(rho_granted)s, %(delta_granted)s, %(rho)s, %(delta)s
FROM (SELECT DISTINCT name FROM unnest(%(personas)s::text[]) AS name WHERE name <> '') AS named
WHERE %(rho)s <= %(rho_granted)s AND %(delta)s <= %(delta_granted)s
ORDER BY name
ON CONFLICT (period, persona) DO UPDATE SET rho_spent = budget.rho_spent + excluded.rho_spent,
    delta_spent = budget.delta_spent + excluded.delta_spent
WHERE budget.rho_spent + excluded.rho_spent <= least(budget.rho_granted, excluded.rho_granted)
    AND budget.delta_spent + excluded.delta_spent
        <= least(budget.delta_granted, excluded.delta_granted)
RETURNING persona
"""
SPEND: LiteralString = """
INSERT INTO runlore.privacy_spends (period, spent_at, purpose, query, rho, delta)
VALUES (%(period)s, %(spent_at)s, %(purpose)s, %(query)s, %(rho)s, %(delta)s) RETURNING id
"""
READ: LiteralString = """
SELECT period, persona, rho_granted, rho_spent, delta_granted, delta_spent
FROM runlore.privacy_budgets WHERE persona = %(persona)s AND period <= %(until)s
ORDER BY period DESC LIMIT %(limit)s
"""
SPENDS: LiteralString = """
SELECT id, period, spent_at, purpose, query, rho, delta FROM runlore.privacy_spends
WHERE period = %(period)s AND spent_at <= %(as_of)s ORDER BY id DESC LIMIT %(limit)s
"""

LEAST_LEFT: LiteralString = """
SELECT period, persona, rho_granted, rho_spent, delta_granted, delta_spent
FROM runlore.privacy_budgets WHERE period = %(period)s AND persona <> ''
ORDER BY rho_spent::float8 / rho_granted DESC, persona LIMIT %(limit)s
"""
COUNT_CHARGED: LiteralString = """
SELECT count(*), count(*) FILTER (WHERE
    rho_spent + %(rho)s > least(rho_granted, %(rho_granted)s)
    OR delta_spent + %(delta)s > least(delta_granted, %(delta_granted)s))
FROM runlore.privacy_budgets WHERE period = %(period)s AND persona <> ''
"""


class BudgetSpent(Refused):
    def __init__(self, renewed: date) -> None:
        super().__init__(
            "budget: this month's privacy budget is spent; answers that were given stay free."
            f" Ask for one of those, or ask anew from {renewed.isoformat()} (UTC)"
        )


@dataclass(frozen=True)
class PrivacySpending:
    """purpose: such as aggregate. query: what was asked, in one spelling. loss: of each persona."""

    purpose: str
    query: str
    loss: PrivacyLoss
    at: datetime

    @property
    def period(self) -> date:
        return period_of(self.at)


@dataclass(frozen=True)
class PrivacyBudget:
    """Of a persona, or of what is asked of all: `EVERYBODY`. In 1e-12 of rho and 1e-15 of delta."""

    period: date
    persona: str
    rho_granted: int
    rho_spent: int
    delta_granted: int
    delta_spent: int


@dataclass(frozen=True)
class PrivacySpend:
    id: int
    period: date
    spent_at: datetime
    purpose: str
    query: str
    rho: int
    delta: int


def period_of(at: datetime) -> date:
    """The first day of its month, in UTC."""
    return at.astimezone(UTC).date().replace(day=1)


def next_period(period: date) -> date:
    return date(period.year + period.month // 12, period.month % 12 + 1, 1)


def wait_for_turn(connection: Connection, period: date, granted: PrivacyLoss) -> None:
    """Hold the month's ledger until the transaction ends, so that spenders take turns."""
    connection.execute(MAKE, {"period": period, **_granted(granted)})
    connection.execute(LOCK, {"period": period})


def charge_everybody(
    connection: Connection, spending: PrivacySpending, granted: PrivacyLoss
) -> None:
    """Charge what is asked of all personas, whoever they are.

    Raises:
        BudgetSpent: it would take more than is granted. Nothing was charged.
    """
    wait_for_turn(connection, spending.period, granted)
    if connection.execute(CHARGE_ALL, _charge(spending, granted)).rowcount != 1:
        raise BudgetSpent(next_period(spending.period))


def charge_personas(
    connection: Connection,
    spending: PrivacySpending,
    personas: Sequence[str],
    granted: PrivacyLoss,
) -> set[str]:
    """Charge each of them; return those that could pay. Leave the others out of the computation.

    Source: Feldman and Zrnic, "Individual privacy accounting via a Rényi filter", 2021.
    """
    wait_for_turn(connection, spending.period, granted)
    values = _charge(spending, granted) | {"personas": list(personas)}
    return {persona for (persona,) in connection.execute(CHARGE_EACH, values)}


def insert_spend(connection: Connection, spending: PrivacySpending) -> int:
    values = {
        "period": spending.period,
        "spent_at": spending.at,
        "purpose": spending.purpose,
        "query": spending.query,
        "rho": spending.loss.rho,
        "delta": spending.loss.delta,
    }
    row = connection.execute(SPEND, values).fetchone()
    return int(row[0])  # type: ignore[index]


def read_budgets(
    connection: Connection, persona: str, until: date, limit: int
) -> list[PrivacyBudget]:
    """By month, the newest first."""
    with connection.cursor(row_factory=class_row(PrivacyBudget)) as cursor:
        values = {"persona": persona, "until": until, "limit": limit}
        return cursor.execute(READ, values).fetchall()


def read_least_left(connection: Connection, period: date, limit: int) -> list[PrivacyBudget]:
    """Of personas charged in this month, those with the least left first."""
    with connection.cursor(row_factory=class_row(PrivacyBudget)) as cursor:
        return cursor.execute(LEAST_LEFT, {"period": period, "limit": limit}).fetchall()


def count_charged(
    connection: Connection, period: date, loss: PrivacyLoss, granted: PrivacyLoss
) -> tuple[int, int]:
    """Personas charged in this month, and those that could not pay this loss any more."""
    values = {"period": period, "rho": loss.rho, "delta": loss.delta, **_granted(granted)}
    row = connection.execute(COUNT_CHARGED, values).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def read_spends(
    connection: Connection, period: date, as_of: datetime, limit: int
) -> list[PrivacySpend]:
    with connection.cursor(row_factory=class_row(PrivacySpend)) as cursor:
        values = {"period": period, "as_of": as_of, "limit": limit}
        return cursor.execute(SPENDS, values).fetchall()


def _granted(granted: PrivacyLoss) -> dict[str, int]:
    return {"rho_granted": granted.rho, "delta_granted": granted.delta}


def _charge(spending: PrivacySpending, granted: PrivacyLoss) -> dict[str, object]:
    loss = spending.loss
    if loss.rho <= 0 or loss.delta < 0:
        raise ValueError(f"a release without a privacy loss cannot be charged: {loss}")
    charge = {"period": spending.period, "rho": loss.rho, "delta": loss.delta}
    return charge | _granted(granted)
