"""The section of a model card that says which features matter."""

from collections.abc import Iterator

from runlore.models.explain import ALIKE
from runlore.models.score_names import display
from runlore.training.rules import card_sections
from runlore.training.rules.card_sections import CardContents

TOP_FEATURES = 10
TOP_GROUPS = 8
NAMED = 4  # features of a group; the others are counted


def importance(facts: CardContents) -> Iterator[str]:
    select = facts.spec.select_by
    yield "## What matters"
    yield ""
    yield (
        f"By how much {display(select)} gets worse when a feature's values are shuffled among "
        "executions."
    )
    yield ""
    yield from card_sections.table(
        ("feature", "loss", "give or take"),
        [
            (
                f"`{loss.feature}`",
                card_sections.shown(select, loss.mean, facts.spec),
                card_sections.shown(select, loss.sd, facts.spec),
            )
            for loss in facts.importance[:TOP_FEATURES]
        ],
    )
    yield from card_sections.pictures(facts, "importance")
    if facts.joint:
        yield ""
        yield from _together(facts)


def _together(facts: CardContents) -> Iterator[str]:
    """The groups of features that say the same, beside the sums of what each says alone."""
    select = facts.spec.select_by
    yield (
        "Features that say the same share their importance: a model loses little by one of them "
        f"as long as it has the others. These are shuffled together (mean |rho| {ALIKE:g} or more)."
    )
    yield ""
    yield from card_sections.table(
        ("features", "loss together", "give or take", "sum of each alone"),
        [
            (
                _members(group.features),
                *(
                    card_sections.shown(select, value, facts.spec)
                    for value in (group.mean, group.sd, group.alone)
                ),
            )
            for group in facts.joint[:TOP_GROUPS]
        ],
    )


def _members(features: tuple[str, ...]) -> str:
    named = ", ".join(f"`{name}`" for name in features[:NAMED])
    more = len(features) - NAMED
    return f"{named} and {more} more" if more > 0 else named
