"""This month's privacy budget for `/metrics`."""

from dataclasses import dataclass

from sqlalchemy import text

from runlore.store.engine import Store

BUDGET = text("""
WITH month AS (SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date AS period)
SELECT coalesce((
        SELECT greatest(rho_spent::float8 / rho_granted, delta_spent::float8 / delta_granted)
        FROM runlore.privacy_budgets JOIN month USING (period) WHERE persona = ''
    ), 0) AS spent,
    (SELECT count(*) FROM runlore.privacy_spends JOIN month USING (period)) AS charged,
    (SELECT count(*) FROM runlore.privacy_budgets JOIN month USING (period)
        WHERE persona <> '') AS personas,
    (SELECT coalesce(max(rho_spent::float8 / rho_granted), 0)
        FROM runlore.privacy_budgets JOIN month USING (period) WHERE persona <> '') AS most_spent,
    (SELECT count(*) FILTER (WHERE is_out) FROM (
        SELECT DISTINCT ON (persona) is_out FROM runlore.opt_outs ORDER BY persona, id DESC
    ) AS newest) AS opted_out
""")


@dataclass(frozen=True, slots=True)
class PrivacyGauges:
    """spent: share of what this month grants for questions about all personas. charged: how many
    answers and trainings it was charged with. personas: charged this month. most_spent: share of
    the persona with the least left. opted_out: personas, now.
    """

    spent: float
    charged: int
    personas: int
    most_spent: float
    opted_out: int


def read_privacy_gauges(store: Store) -> PrivacyGauges:
    """Raises Unavailable."""
    with store.begin() as connection:
        row = connection.execute(BUDGET).one()
    return PrivacyGauges(
        float(row.spent),
        int(row.charged),
        int(row.personas),
        float(row.most_spent),
        int(row.opted_out),
    )
