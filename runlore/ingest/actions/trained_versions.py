"""Which versions were trained on facts that are withdrawn now."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runlore.ingest.queries import withdrawals
from runlore.ingest.queries.withdrawals import Withdrawal
from runlore.store.engine import Store

if TYPE_CHECKING:
    from runlore.registry import Registry
    from runlore.registry.trainings import VersionTraining


def trained_on(
    store: Store, registry: "Registry", specs: Sequence[str], withdrawal: Withdrawal
) -> list["VersionTraining"]:
    """The versions of these specs that saw a withdrawal's facts, by spec, newest first.

    A fact counts whatever its kind and source: it is part of the history of other executions, and
    a training on one source reads the histories of all.
    """
    with store.connect() as connection:
        extent = withdrawals.extent(connection, withdrawal.id)
    if extent.first_seq is None:
        return []
    return [
        training
        for spec in specs
        for training in registry.trainings(spec)
        if training.saw(extent.first_seq, withdrawal.known_at)
    ]
