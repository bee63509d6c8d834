"""Remove predictions that are older than the retention period."""

from datetime import timedelta

from runlore.kernel import instants
from runlore.serving.queries import ledger_query
from runlore.store.engine import Store


def prune(store: Store, days: int) -> list[str]:
    """Drop the months of the ledger that ended more than `days` ago; 0 keeps everything."""
    return ledger_query.prune(store, instants.now() - timedelta(days=days)) if days else []
