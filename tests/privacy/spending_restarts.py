"""Spend a month's privacy budget in parallel while PostgreSQL is stopped and started."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from runlore.kernel.errors import Unavailable
from runlore.privacy.actions.aggregates import aggregate, question_of
from runlore.privacy.queries.budgets import BudgetSpent
from runlore.privacy.rules.aggregates import plan_aggregate
from runlore.privacy.rules.policy import PrivacyPolicy
from runlore.store import embedded
from runlore.store.engine import Store
from tests.privacy.private_posts import END

LEDGER = """
SELECT (SELECT count(*) FROM runlore.privacy_budgets
        WHERE rho_spent > rho_granted OR delta_spent > delta_granted),
    (SELECT count(*) FROM runlore.privacy_answers), count(*), count(*) FILTER (WHERE
        rho_spent <> (SELECT coalesce(sum(rho), 0) FROM runlore.privacy_spends AS spend
            WHERE spend.period = budget.period)
        OR rho_spent <> (SELECT coalesce(max(rho_spent), 0) FROM runlore.privacy_budgets AS one
            WHERE one.period = budget.period AND one.persona <> '')),
    (SELECT coalesce(max(answers), 0) FROM (SELECT count(*) AS answers FROM runlore.privacy_answers
        JOIN runlore.privacy_spends AS spend ON spend.id = spend_id GROUP BY spend.period) AS made)
FROM runlore.privacy_budgets AS budget WHERE persona = ''
"""


@dataclass(frozen=True)
class SpendingLedger:
    """disagreeing: months whose charges differ from the answers that were given."""

    overspent: int
    answers: int
    months: int
    disagreeing: int
    most_answers: int


def spend_while_restarting(
    store: Store, home: Path, policy: PrivacyPolicy, turn: int, wait_s: float
) -> Counter[str]:
    """100 requests, 20 at once, in the month of this turn; what is cut off asks again."""
    at, got = END + timedelta(days=31 * turn + 20), Counter[str]()
    plan_aggregate(policy)

    def ask(number: int) -> str:
        question = question_of("", 9 + number, END - timedelta(hours=turn))
        try:
            return "new" if aggregate(store, question, policy, at).is_new else "told before"
        except BudgetSpent:
            return "spent"
        except Unavailable:
            return "cut off"

    def ask_until_answered(number: int) -> None:
        while True:
            answer = ask(number)
            got[answer] += 1
            if answer != "cut off":
                return
            time.sleep(0.1)

    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(ask_until_answered, number) for number in range(100)]
        time.sleep(wait_s)
        embedded.stop(home)
        with embedded.running(home):
            for one in asked:
                one.result()
    return got


def read_ledger(store: Store) -> SpendingLedger:
    with store.connect() as connection:
        row = connection.execute(LEDGER).fetchone()
    assert row
    return SpendingLedger(*map(int, row))
