"""The five agents that come with Runlore."""

from runlore.agents.builtin.content_generation import (
    GeneratedContent,
    GenerationRequest,
    generate_content,
)
from runlore.agents.builtin.content_optimization import OptimizationRequest, optimize_content
from runlore.agents.builtin.content_review import ContentReview, ReviewRequest, review_content
from runlore.agents.builtin.content_scheduling import (
    ContentSchedule,
    SchedulingRequest,
    schedule_content,
)
from runlore.agents.builtin.task_kind import BuiltinAgent, TaskKind
from runlore.agents.builtin.trend_analysis import TrendReport, TrendRequest, analyze_trends
from runlore.engagement.suggestion_views import SuggestionsView
from runlore.kernel.errors import NotFound

BUILTIN_AGENTS = (
    BuiltinAgent(
        "content-generator-pro",
        "ContentGeneratorPro",
        "1.0.0",
        "generator",
        ("creative", "generate", "text"),
        "Writes posts from a brief, by templates or by a language model within its rules.",
        (
            TaskKind(
                "content_generation",
                "Write a post from a brief",
                GenerationRequest,
                GeneratedContent,
                generate_content,
            ),
        ),
    ),
    BuiltinAgent(
        "quality-reviewer-ai",
        "QualityReviewerAI",
        "2.1.0",
        "reviewer",
        ("analyze", "brand_safety", "quality_check", "review"),
        "Checks texts by rules: length, banned words, brand names, claims, readability and links.",
        (
            TaskKind(
                "content_review",
                "Check a text by rules",
                ReviewRequest,
                ContentReview,
                review_content,
            ),
        ),
    ),
    BuiltinAgent(
        "engagement-optimizer",
        "EngagementOptimizer",
        "1.5.0",
        "optimizer",
        ("analyze", "metrics", "optimize", "recommendations"),
        "Says what would help a post, from the posts of its persona.",
        (
            TaskKind(
                "content_optimization",
                "Say what would help a post",
                OptimizationRequest,
                SuggestionsView,
                optimize_content,
            ),
        ),
    ),
    BuiltinAgent(
        "social-media-scheduler",
        "SocialMediaScheduler",
        "1.2.0",
        "generator",
        ("schedule", "social_media", "timing"),
        "Puts posts at the best times of a persona, and into a calendar. It publishes nothing.",
        (
            TaskKind(
                "content_scheduling",
                "Put posts into a calendar",
                SchedulingRequest,
                ContentSchedule,
                schedule_content,
            ),
        ),
    ),
    BuiltinAgent(
        "trend-analyzer",
        "TrendAnalyzer",
        "1.0.0",
        "analyzer",
        ("analyze", "trends"),
        "Finds trends and lasting changes of series.",
        (
            TaskKind(
                "trend_analysis",
                "Find trends and lasting changes",
                TrendRequest,
                TrendReport,
                analyze_trends,
            ),
        ),
    ),
)


def find_builtin(name: str) -> BuiltinAgent:
    """By its name, or its entry in a manifest. Raises NotFound."""
    for agent in BUILTIN_AGENTS:
        if name in {agent.name, agent.entry}:
            return agent
    names = ", ".join(agent.name for agent in BUILTIN_AGENTS)
    raise NotFound(f"{name[:80]!r} is none of Runlore's own agents: {names}")
