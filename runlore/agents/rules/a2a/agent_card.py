"""Agent cards: of Runlore as a whole, and of one agent.

Source: A2A Protocol Specification 1.0, "Agent Discovery" and "AgentCard".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runlore.agents.rules.a2a.task_shape import RECORD_URI, TASK_URI, instant_of
from runlore.agents.rules.registration import AgentProfile

PROTOCOL_VERSION = "1.0"
MODES = ["text/plain", "application/json"]
TASK_EXTENSION: Mapping[str, Any] = {
    "uri": TASK_URI,
    "description": "Metadata of a message: type, priority and required capabilities of its task",
    "required": False,
}


@dataclass(frozen=True)
class ShownType:
    """Outcomes of one type of task. outcomes: weighted, the newest counts 1."""

    task_type: str
    successes: float
    outcomes: float


@dataclass(frozen=True)
class AgentNumbers:
    """What a card says of load and success at an instant."""

    at: datetime
    in_hand: int
    slots: int
    shown: Sequence[ShownType]

    def extension(self) -> dict[str, Any]:
        skills = {
            one.task_type: {
                "successRate": round(one.successes / one.outcomes, 4) if one.outcomes else None,
                "n": round(one.outcomes, 1),
            }
            for one in self.shown
        }
        return {
            "uri": RECORD_URI,
            "description": "Success by type of task (n: recent outcomes), and load",
            "required": False,
            "params": {
                "asOf": instant_of(self.at),
                "load": {"inHand": self.in_hand, "slots": self.slots},
                "skills": skills,
            },
        }


@dataclass(frozen=True)
class CardAddress:
    """base: the service's address. needs_key: whether callers must send a key."""

    base: str
    needs_key: bool


def whole_card(address: CardAddress, version: str) -> dict[str, Any]:
    """The open card. It tells nothing of agents and tasks."""
    card = _card(address, "Runlore", "Gives each task to one agent, by what agents have shown.")
    card["version"] = version
    card["capabilities"]["extendedAgentCard"] = True
    return card | {"skills": [_skill("task", "Do a task", ["tasks"])]}


def extended_card(
    address: CardAddress, version: str, numbers: AgentNumbers, words: Sequence[str]
) -> dict[str, Any]:
    """The card for who may read: capabilities of the active agents, and how tasks ended."""
    card = whole_card(address, version)
    card["capabilities"]["extensions"].append(numbers.extension())
    card["skills"] += [_skill(word, word, [word]) for word in words]
    return card


def agent_card(
    address: CardAddress, agent_id: str, profile: AgentProfile, numbers: AgentNumbers
) -> dict[str, Any]:
    """The card of one agent. Messages go to Runlore, with the agent as tenant."""
    own = profile.card or {}
    about = own.get("description") or f"An agent of Runlore, of type {profile.type}."
    card = _card(address, profile.name, str(about), agent_id)
    card["version"] = profile.version
    card["capabilities"]["extensions"].append(numbers.extension())
    words = list(profile.capabilities) or ["task"]
    return card | {"skills": own.get("skills") or [_skill(word, word, [word]) for word in words]}


def _card(address: CardAddress, name: str, about: str, tenant: str = "") -> dict[str, Any]:
    interface = {
        "url": f"{address.base.rstrip('/')}/a2a",
        "protocolBinding": "JSONRPC",
        "protocolVersion": PROTOCOL_VERSION,
    }
    card: dict[str, Any] = {
        "name": name,
        "description": about,
        "supportedInterfaces": [interface | ({"tenant": tenant} if tenant else {})],
        "capabilities": {
            "streaming": False,
            "pushNotifications": False,
            "extensions": [dict(TASK_EXTENSION)],
        },
        "defaultInputModes": MODES,
        "defaultOutputModes": MODES,
    }
    if address.needs_key:
        card["securitySchemes"] = {"key": {"httpAuthSecurityScheme": {"scheme": "Bearer"}}}
        card["securityRequirements"] = [{"schemes": {"key": {"list": []}}}]
    return card


def _skill(skill_id: str, name: str, tags: Sequence[str]) -> dict[str, Any]:
    return {"id": skill_id, "name": name, "description": name, "tags": list(tags)}
