"""What a card of an agent of others says, checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from runlore.agents.rules.documents import check_document
from runlore.agents.rules.registration import MAX_WORDS, SEMANTIC, AgentProfile, check_address
from runlore.kernel.errors import BadInput

MAX_CARD_BYTES = 64 * 1024
BINDINGS = ("JSONRPC", "HTTP+JSON")
KEPT = (
    "name",
    "description",
    "version",
    "provider",
    "documentationUrl",
    "capabilities",
    "defaultInputModes",
    "defaultOutputModes",
    "skills",
)


@dataclass(frozen=True)
class OutsideCard:
    """A card as it is kept: known fields, and only interfaces on the card's own host."""

    name: str
    version: str
    address: str
    capabilities: tuple[str, ...]
    card: Mapping[str, Any]

    def profile(self, card_url: str, **own: Any) -> AgentProfile:  # noqa: ANN401
        """own: fields that whoever registers the agent sets."""
        values: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "capabilities": self.capabilities,
            "way": "a2a",
            "address": self.address,
            "card_url": card_url,
            "card": self.card,
        }
        return AgentProfile(**values | own)


def read_outside_card(card_url: str, document: object) -> OutsideCard:
    """Raises BadInput that says what is wrong with the card."""
    check_address(card_url, "card_url")
    if not isinstance(document, dict):
        raise BadInput("card: is no JSON object", "card_url")
    check_document(document, "card", MAX_CARD_BYTES)
    name = document.get("name")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= 200:
        raise BadInput("card: has no name of 1 to 200 characters", "card_url")
    interfaces = _interfaces(card_url, document.get("supportedInterfaces"))
    version = document.get("version")
    is_semantic = isinstance(version, str) and SEMANTIC.fullmatch(version)
    return OutsideCard(
        name.strip(),
        str(version) if is_semantic else "1.0.0",
        str(interfaces[0]["url"]),
        _words(document.get("skills")),
        {key: document[key] for key in KEPT if key in document}
        | {"supportedInterfaces": interfaces},
    )


def card_changes(before: AgentProfile, after: AgentProfile) -> list[str]:
    """In sentences; none: nothing that counts is different."""
    changes = [
        f"{name}: {getattr(before, name)} is now {getattr(after, name)}"
        for name in ("version", "address")
        if getattr(before, name) != getattr(after, name)
    ]
    old, new = set(before.capabilities), set(after.capabilities)
    if new - old:
        changes.append(f"new capabilities: {', '.join(sorted(new - old))}")
    if old - new:
        changes.append(f"capabilities that are gone: {', '.join(sorted(old - new))}")
    if not changes and before.card is not None and before.card != after.card:
        changes.append("texts or other fields of the card changed")
    return changes


def _interfaces(card_url: str, listed: object) -> list[dict[str, Any]]:
    """Those that we can use, on the card's host: a card leads no secret elsewhere."""
    rows = listed if isinstance(listed, list) else []
    usable = [one for one in rows if isinstance(one, dict) and _is_usable(one)]
    if not usable:
        raise BadInput("card: has no interface of A2A 1.x by JSONRPC or HTTP+JSON", "card_url")
    host = urlsplit(card_url).hostname
    here = [one for one in usable if urlsplit(one["url"]).hostname == host]
    if not here:
        raise BadInput(f"card: its interfaces are not on the card's host, {host}", "card_url")
    for one in here:
        check_address(one["url"], "card_url")
    return here


def _is_usable(interface: Mapping[str, Any]) -> bool:
    version, url = interface.get("protocolVersion"), interface.get("url")
    is_one = isinstance(version, str) and version.split(".")[0] == "1"
    return is_one and isinstance(url, str) and interface.get("protocolBinding") in BINDINGS


def _words(skills: object) -> tuple[str, ...]:
    """Ids of skills as names of capabilities.

    >>> _words([{"id": "Write posts!"}, {"id": "text"}])
    ('Write-posts', 'text')
    """
    rows = skills if isinstance(skills, list) else []
    ids = [str(one.get("id", "")) for one in rows if isinstance(one, dict)]
    words = [re.sub(r"[^A-Za-z0-9_.:/-]+", "-", text).strip("-._:/")[:100] for text in ids]
    return tuple(dict.fromkeys(word for word in words if word))[:MAX_WORDS]
