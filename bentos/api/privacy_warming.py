"""Import OpenDP before the first aggregate, where private answers are in use."""

from threading import Thread

from runlore.app import App
from runlore.kernel.errors import Unavailable
from runlore.privacy.actions.budgets import has_budgets
from runlore.privacy.rules.aggregates import plan_aggregate
from runlore.privacy.rules.policy import PrivacyPolicy
from runlore.store.engine import Store


def warm_privacy(product: App, store: Store | None) -> None:
    """In the background: the import takes seconds, and nothing waits for it."""
    if store is not None:
        Thread(target=_warm, args=(product, store), name="warm-privacy", daemon=True).start()


def _warm(product: App, store: Store) -> None:
    settings = product.settings
    try:
        is_used = has_budgets(store)
    except Unavailable:
        return
    if is_used:
        plan_aggregate(
            PrivacyPolicy(
                settings.privacy_epsilon, settings.privacy_delta, settings.privacy_aggregates
            )
        )
