"""Compare policies of routing by what the ledger says of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runlore.agents.actions.routing import POLICIES
from runlore.agents.queries.policy_outcomes import RoutedOutcome, read_outcomes
from runlore.agents.rules.policy_value import (
    LoggedChoice,
    PolicyValue,
    estimate_value,
    read_candidate,
)
from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import BadInput
from runlore.store.engine import Store

MAX_CHOICES = 10_000
WINDOW_D = 30.0
LONGEST_WINDOW_D = 366.0


@dataclass(frozen=True)
class PolicyComparison:
    """choices: with an outcome, within the window."""

    as_of: datetime
    window_d: float
    choices: int
    policies: Sequence[PolicyValue]


def compare_values(store: Store, as_of: datetime, window_d: float = WINDOW_D) -> PolicyComparison:
    """The newest choices count, at most 10,000. Raises BadInput."""
    if not 0 < window_d <= LONGEST_WINDOW_D:
        raise BadInput(f"window_d: give more than 0 and at most {LONGEST_WINDOW_D:g}", "window_d")
    rows = read_outcomes(store, as_of, window_d * DAY_S, MAX_CHOICES)
    values = [estimate_value(policy, _choices(rows, policy)) for policy in POLICIES]
    return PolicyComparison(as_of, window_d, len(rows), values)


def _choices(rows: Sequence[RoutedOutcome], policy: str) -> list[LoggedChoice]:
    """Choices from before the ledger had what each policy would have chosen are left out."""
    read = [([read_candidate(one, policy) for one in row.candidates], row) for row in rows]
    return [
        LoggedChoice([one for one in agents if one is not None], row.is_success)
        for agents, row in read
        if agents and all(agents)
    ]
