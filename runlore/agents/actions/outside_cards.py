"""Register agents of others by their cards, and read the cards again."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from runlore.agents.actions.cards import profile_of
from runlore.agents.actions.registering import change_agent, find_agent
from runlore.agents.delivery.outside import OutsideLimits, fetch_json, token_of
from runlore.agents.queries.registry import AgentRow, is_installed
from runlore.agents.rules.a2a.outside_card import card_changes, read_outside_card
from runlore.agents.rules.registration import AgentProfile, check_address
from runlore.kernel.errors import Refused
from runlore.store.engine import Store


@dataclass(frozen=True)
class CardReading:
    """changes: sentences; none: the card is the same."""

    agent: AgentRow
    changes: list[str]


def profile_by_card(card_url: str, own: Mapping[str, Any], limits: OutsideLimits) -> AgentProfile:
    """Read a card. own: fields of the agent that whoever registers it sets.

    Raises BadInput for an address or a card that is not taken, Unavailable without an answer.
    """
    check_address(card_url, "card_url")
    token = token_of(own.get("token_variable"))
    document = asyncio.run(fetch_json(card_url, limits, token))
    return read_outside_card(card_url, document).profile(card_url, **own)


def with_card(store: Store, row: AgentRow, limits: OutsideLimits) -> AgentRow:
    """The same agent with its card, which is read now where only its address is known.

    So it is for a package of form `remote`: name and capabilities stay those of its manifest.
    Raises as `profile_by_card`.
    """
    if row.card is not None or row.card_url is None:
        return row
    own = {} if row.token_variable is None else {"token_variable": row.token_variable}
    read = profile_by_card(row.card_url, own, limits)
    kept = replace(profile_of(row), address=read.address, card=read.card)
    return change_agent(store, row.id, kept)


def read_card_again(store: Store, agent_id: UUID, limits: OutsideLimits) -> CardReading:
    """Take what an agent's card says now. Raises as above, NotFound, and Refused without a card."""
    row = find_agent(store, agent_id)
    if row.card_url is None:
        raise Refused(f"agent {row.name[:80]!r} was not registered by a card")
    before = profile_of(row)
    own = {} if row.token_variable is None else {"token_variable": row.token_variable}
    after = profile_by_card(row.card_url, own, limits)
    kept = replace(before, address=after.address, card=after.card)
    if not is_installed(store, agent_id):
        kept = replace(kept, version=after.version, capabilities=after.capabilities)
    return CardReading(change_agent(store, agent_id, kept), card_changes(before, kept))
