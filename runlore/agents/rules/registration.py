"""What an agent says of itself."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from runlore.agents.rules.documents import check_document
from runlore.kernel.errors import BadInput

AgentType = Literal["generator", "reviewer", "optimizer", "coordinator", "analyzer", "custom"]
AgentState = Literal["active", "draining", "maintenance"]
AgentWay = Literal["pull", "a2a", "mcp"]  # it asks for tasks, or is sent them
AgentStatus = Literal["active", "idle", "busy", "draining", "offline", "maintenance", "quarantine"]
AGENT_TYPES: tuple[AgentType, ...] = get_args(AgentType)
AGENT_STATES: tuple[AgentState, ...] = get_args(AgentState)
AGENT_WAYS: tuple[AgentWay, ...] = get_args(AgentWay)
SEMANTIC = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}")
PRINTABLE = re.compile(r"[!-~]{1,2000}")
# Only variables with this prefix: no registration may reach another secret of the process.
TOKEN_VARIABLE = re.compile(r"RUNLORE_AGENT_TOKEN_[A-Z0-9_]{1,60}")
MAX_WORDS = 100
MAX_SLOTS = 1000
OFFLINE_AFTER_S = 300.0


@dataclass(frozen=True)
class AgentProfile:
    """config: settings of the agent's own; Runlore stores them and does not read them.

    address: of an `a2a` agent or of the MCP server whose `tool` does its tasks.
    token_variable: the environment variable of the dispatcher with the agent's secret.
    card: its A2A card, which was read from `card_url`.
    """

    name: str
    type: AgentType = "custom"
    version: str = "1.0.0"
    capabilities: Sequence[str] = ()
    specializations: Sequence[str] = ()
    max_concurrent_tasks: int = 10
    config: Mapping[str, Any] = field(default_factory=dict)
    is_plugin: bool = False
    plugin_source: str | None = None
    plugin_author: str | None = None
    way: AgentWay = "pull"
    address: str | None = None
    tool: str | None = None
    token_variable: str | None = None
    card_url: str | None = None
    card: Mapping[str, Any] | None = None


def check_profile(profile: AgentProfile) -> None:
    """Raises BadInput that names the field, its value and what is allowed."""
    if not 1 <= len(profile.name.strip()) <= 200:
        raise BadInput("agent_name: give 1 to 200 characters", "agent_name")
    if profile.type not in AGENT_TYPES:
        raise BadInput(
            f"agent_type: {str(profile.type)[:40]!r} is none of {', '.join(AGENT_TYPES)}",
            "agent_type",
        )
    if not SEMANTIC.fullmatch(profile.version):
        raise BadInput(
            f"version: {profile.version[:40]!r} is not MAJOR.MINOR.PATCH, such as 1.0.0", "version"
        )
    if not 1 <= profile.max_concurrent_tasks <= MAX_SLOTS:
        raise BadInput(f"max_concurrent_tasks: give 1 to {MAX_SLOTS}", "max_concurrent_tasks")
    check_document(dict(profile.config), "config")
    check_words(profile.capabilities, "capabilities")
    check_words(profile.specializations, "specializations")
    check_way(profile)


def check_way(profile: AgentProfile) -> None:
    """Raises BadInput where an agent's address and its way of work do not fit together."""
    if profile.way not in AGENT_WAYS:
        raise BadInput(f"way: {str(profile.way)[:40]!r} is none of {', '.join(AGENT_WAYS)}", "way")
    if profile.way == "pull":
        for name in ("address", "tool", "token_variable", "card_url"):
            if getattr(profile, name) is not None:
                raise BadInput(f"{name}: only agents of way a2a or mcp have one", name)
        return
    if profile.address is None:
        raise BadInput(f"address: an agent of way {profile.way} needs one", "address")
    check_address(profile.address, "address")
    if profile.card_url is not None:
        check_address(profile.card_url, "card_url")
    if (profile.tool is None) == (profile.way == "mcp"):
        raise BadInput("tool: name the tool of the MCP server; only way mcp has one", "tool")
    if profile.token_variable and not TOKEN_VARIABLE.fullmatch(profile.token_variable):
        raise BadInput(
            f"token_variable: {profile.token_variable[:60]!r} is no variable such as"
            " RUNLORE_AGENT_TOKEN_ANN",
            "token_variable",
        )


def check_address(url: str, field_name: str) -> None:
    """An address such as `https://host/path`, without a login. Raises BadInput."""
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_web = False
    if not is_web or not PRINTABLE.fullmatch(url):
        raise BadInput(
            f"{field_name}: {url[:80]!r} is no address such as https://host/path", field_name
        )
    if parts.username or parts.password or parts.fragment:
        raise BadInput(f"{field_name}: leave out the login and what follows #", field_name)


def check_words(words: Sequence[str], field_name: str) -> None:
    """Capabilities are names such as `generate` or `text/markdown`."""
    if len(words) > MAX_WORDS:
        raise BadInput(f"{field_name}: more than {MAX_WORDS}", field_name)
    for word in words:
        if not WORD.fullmatch(word):
            raise BadInput(
                f"{field_name}: {word[:40]!r} is no name; use letters, digits and _ . : / -",
                field_name,
            )


def status_of(state: AgentState, in_hand: int, slots: int, unseen_s: float | None) -> AgentStatus:
    """unseen_s: seconds since the agent's last heartbeat, lease or result; None: never seen.

    >>> status_of("active", 0, 10, 12.0), status_of("active", 10, 10, 12.0)
    ('idle', 'busy')
    >>> status_of("active", 3, 10, 301.0), status_of("maintenance", 0, 10, None)
    ('offline', 'maintenance')
    """
    if state == "maintenance":
        return "maintenance"
    if unseen_s is None or unseen_s > OFFLINE_AFTER_S:
        return "offline"
    if state == "draining":
        return "draining"
    if in_hand >= slots:
        return "busy"
    return "active" if in_hand else "idle"
