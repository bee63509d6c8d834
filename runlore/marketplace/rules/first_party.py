"""Runlore's own packages. They are part of its code, so they have no archive and no signature."""

from functools import cache

from runlore.agents.rules.registration import AgentType
from runlore.marketplace.rules.manifest import (
    FIRST_PARTY,
    SCHEMA,
    Manifest,
    PackageCard,
    PackageSkill,
)

# name, title, version, type, capabilities, description
ROWS: tuple[tuple[str, str, str, AgentType, str, str], ...] = (
    (
        "content-generator-pro",
        "ContentGeneratorPro",
        "1.0.0",
        "generator",
        "creative generate text",
        "Writes posts from templates and rules; with a model, where a setting names one.",
    ),
    (
        "quality-reviewer-ai",
        "QualityReviewerAI",
        "2.1.0",
        "reviewer",
        "analyze brand_safety quality_check review",
        "Checks length, claims, banned words, brand names, readability and links.",
    ),
    (
        "engagement-optimizer",
        "EngagementOptimizer",
        "1.5.0",
        "optimizer",
        "analyze metrics optimize recommendations",
        "Suggests changes of a post from what earlier posts have shown.",
    ),
    (
        "social-media-scheduler",
        "SocialMediaScheduler",
        "1.2.0",
        "generator",
        "publish schedule social_media timing",
        "Chooses times for posts, and lays them into a calendar.",
    ),
    (
        "trend-analyzer",
        "TrendAnalyzer",
        "1.0.0",
        "analyzer",
        "analyze recommendations research trends",
        "Finds what rises and falls in the series of metrics.",
    ),
)


@cache
def first_party_packages() -> dict[str, Manifest]:
    """By name. `entry` is the name by which `runlore agents run` finds the code."""
    return {row[0]: _manifest(*row) for row in ROWS}


def _manifest(
    name: str, title: str, version: str, kind: AgentType, capabilities: str, description: str
) -> Manifest:
    words = capabilities.split()
    skills = [PackageSkill(id=word, name=word.replace("_", " ")) for word in words]
    return Manifest(
        schema_=SCHEMA,
        name=name,
        publisher=FIRST_PARTY,
        version=version,
        form="builtin",
        entry=name,
        card=PackageCard(
            title=title,
            description=description,
            agent_type=kind,
            capabilities=words,
            skills=skills,
        ),
    )
