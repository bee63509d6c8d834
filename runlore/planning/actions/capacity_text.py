"""When pools are full and budgets used up, in words."""

from runlore.kernel.readable import readable_number, readable_share
from runlore.planning.actions.capacity import PoolCapacity, ScenarioOutcome
from runlore.planning.rules.capacity.spend import SpendOutlook


def conclude_full(one: PoolCapacity, outcome: ScenarioOutcome) -> str:
    """When it is full, in a sentence."""
    full, ahead = outcome.full, len(one.capacity) - len(one.demand)
    if full.state == "full":
        return "demand of the last 7 days exceeded their capacity"
    if full.state == "unknown":
        return f"cannot be told: {full.reason}"
    level = readable_share(full.level)
    early, late = one.day(full.early), one.day(full.late)
    if full.state == "expected":
        until = late or f"later than {ahead} days ahead"
        return f"full about {one.day(full.median)} ({level}: {early} to {until})"
    chance = readable_share(1 - (full.probability or 0.0))
    first = f"; not before {early}" if early else ""
    return f"not full within {ahead} days ({chance} likely){first}"


def conclude_spend(one: PoolCapacity, spend: SpendOutlook) -> str:
    """When the budget of a month is exceeded, in a sentence."""
    ahead, budget = len(one.capacity) - len(one.demand), readable_number(spend.budget or 0.0)
    if spend.state == "unbudgeted":
        return "the pool has no budget"
    if spend.state == "exceeded":
        spent = readable_number(spend.spent)
        return f"the budget of this month is exceeded: {spent} of {budget} spent"
    if spend.state == "unknown":
        return f"the budget of {budget} a month: cannot be told: {spend.reason}"
    early, late = one.day(spend.early), one.day(spend.late)
    if spend.state == "expected":
        until = late or f"later than {ahead} days ahead"
        level = readable_share(spend.level)
        middle = one.day(spend.median)
        when = f"about {middle} ({level}: {early} to {until})"
        return f"the budget of {budget} a month is exceeded {when}"
    chance = readable_share(1 - (spend.probability or 0.0))
    first = f"; not exceeded before {early}" if early else ""
    return f"the budget of {budget} a month holds for {ahead} days ({chance} likely){first}"


def tabulate_pool(one: PoolCapacity) -> dict[str, str]:
    """A row of a table: the pool as it is."""
    today = one.outcomes[0]
    use = today.utilisation
    return {
        "pool": one.pool.name,
        "size": readable_number(one.pool.size),
        "use of 28 days": "-" if use is None else readable_share(round(use, 3)),
        "when it is full": conclude_full(one, today),
        "budget": "-" if today.spend is None else conclude_spend(one, today.spend),
    }
