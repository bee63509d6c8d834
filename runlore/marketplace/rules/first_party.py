"""Runlore's own packages. They are part of its code, so they have no archive and no signature."""

from functools import cache

from runlore.agents.builtin.catalogue import BUILTIN_AGENTS
from runlore.agents.builtin.task_kind import BuiltinAgent
from runlore.marketplace.rules.manifest import (
    FIRST_PARTY,
    SCHEMA,
    Manifest,
    PackageCard,
    PackageSkill,
)

SLOTS = 10


@cache
def first_party_packages() -> dict[str, Manifest]:
    """By name. `entry` is the name by which `runlore agents run` finds the code."""
    return {agent.entry: _manifest(agent) for agent in BUILTIN_AGENTS}


def _manifest(agent: BuiltinAgent) -> Manifest:
    types = [kind.name for kind in agent.kinds]
    skills = [PackageSkill(id=kind.name, name=kind.summary) for kind in agent.kinds]
    return Manifest(
        schema_=SCHEMA,
        name=agent.entry,
        publisher=FIRST_PARTY,
        version=agent.version,
        form="builtin",
        entry=agent.entry,
        card=PackageCard(
            title=agent.name,
            description=agent.description,
            agent_type=agent.agent_type,
            capabilities=list(agent.capabilities),
            specializations=types,
            skills=skills,
            max_concurrent_tasks=SLOTS,
        ),
    )
