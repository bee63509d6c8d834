"""List what was dismissed, and take a dismissal back."""

from datetime import datetime

from runlore.kernel.errors import NotFound
from runlore.signals.queries import dismissals
from runlore.signals.queries.dismissals import KeptDismissal
from runlore.store.engine import Store

MOST = 10_000
LARGEST_ID = 2**63 - 1


def list_dismissals(store: Store, as_of: datetime) -> list[KeptDismissal]:
    """Those that held at an instant, the newest first."""
    with store.connect() as connection:
        return dismissals.list_dismissals(connection, as_of, MOST)


def undo_dismissal(store: Store, number: int, actor: str, at: datetime) -> None:
    """Report such anomalies again from now on.

    Raises NotFound for a number that no dismissal has, or one that was taken back before.
    """
    with store.connect() as connection:
        if 0 < number <= LARGEST_ID and dismissals.insert_undo(connection, number, actor, at):
            return
    raise NotFound(
        f"there is no dismissal {number} that holds; `runlore signals dismissals` shows them"
    )
