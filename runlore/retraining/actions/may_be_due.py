"""May a training be due by itself? A cheap question, asked often; `requests.look` answers for sure.

It needs neither the registry nor the log, and errs towards yes.
"""

from datetime import datetime, timedelta

from runlore.kernel.instants import from_us
from runlore.records.validate import EARLIEST_US
from runlore.registry.alias_history import AliasHistoryEntry
from runlore.retraining import queries
from runlore.retraining.rules import DATA_REFUSED_S, limit_reached
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Connection

EARLIEST = from_us(EARLIEST_US - 1)
TRAINING_S = 6 * 3600.0  # a version may have learned from facts that are older than it by so much


def may_be_due(
    connection: Connection, spec: ModelSpec, champion: AliasHistoryEntry | None, at: datetime
) -> bool:
    """champion: the newest change of the spec's @champion; None when there never was one."""
    if queries.going_on(connection, spec.name) or _has_to_wait(connection, spec, at):
        return False
    kinds, policy = spec.population.kinds, spec.retraining
    if champion is None or champion.version is None:
        return queries.has_outcomes(connection, EARLIEST, kinds, spec.split.least_rows)
    if policy.every_s is not None:
        last = max((champion.at, *queries.begun(connection, spec.name)))
        if (at - last).total_seconds() >= policy.every_s:
            return True
    if policy.enough_new_labels is None:
        return False
    made_at = queries.made_at(connection, spec.name, champion.version) or champion.at
    learned = made_at - timedelta(seconds=TRAINING_S)
    return queries.has_outcomes(connection, learned, kinds, policy.enough_new_labels)


def _has_to_wait(connection: Connection, spec: ModelSpec, at: datetime) -> bool:
    """Data was refused lately, or the spec's cooldown or budget forbids a training."""
    refused_at = queries.data_refused(connection, spec.name)
    if refused_at is not None and (at - refused_at).total_seconds() < DATA_REFUSED_S:
        return True
    return bool(limit_reached(queries.begun(connection, spec.name), at, spec.retraining))
