"""What the models of engagement are trained on, and for which threshold."""

from datetime import datetime, timedelta
from math import isclose
from typing import Any

from runlore.engagement.queries.contexts import ContextQuery, read_final_contexts
from runlore.engagement.rules.contexts import ContextPolicy, count_bots
from runlore.kernel.errors import BadInput
from runlore.specs.catalog.engagement import SPLIT
from runlore.store.engine import Store


def check_threshold(configured: float, asked: float) -> None:
    """Raises BadInput where a training asks for another threshold than that of this home.

    One home has one threshold: scores, monitoring and rollouts judge the model by it.
    """
    if not isclose(configured, asked):
        raise BadInput(
            f"threshold: {asked:g} % is not this home's, {configured:g} %; set"
            f" RUNLORE_ENGAGEMENT_SUCCESS_PERCENT={asked:g} for all its processes",
            "threshold",
        )


def summarise_contexts(store: Store, at: datetime) -> dict[str, Any]:
    """Final posts of the lookback, as known at an instant, and the bots that are left out."""
    since = at - timedelta(seconds=SPLIT.lookback_s)
    everyone = ContextPolicy(most_bot_share=1.0)
    contexts = read_final_contexts(store, ContextQuery(at, since, policy=everyone))
    bots, most = count_bots(contexts), ContextPolicy().most_bot_share
    refused = int((contexts["bot_share"] > most).sum())
    share = "not counted" if bots["share"] is None else f"{bots['share']:.1%} of accounts"
    text = (
        f"Final posts of the last {SPLIT.lookback_s / 86_400:.0f} days: {len(contexts):,}. Bots:"
        f" {share}; {refused:,} posts left out for more than {most:.0%}."
    )
    return {"posts": len(contexts), "left_out_for_bots": refused, "bots": bots, "text": text}
