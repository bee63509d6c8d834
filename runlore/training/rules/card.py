"""The model card, in Markdown: what a person reads before trusting a model."""

from collections.abc import Mapping, Sequence

from runlore.kernel.instants import from_us
from runlore.training.rules import card_errors, card_importance, card_sections
from runlore.training.rules.card_sections import CardContents, DataPeriod
from runlore.training.rules.leaks.leak import NOTHING_LEFT_OUT, InputReport
from runlore.training.rules.trained import Trained

__all__ = ["CardContents", "DataPeriod", "render", "write"]


def write(
    trained: Trained,
    code_version: str = "",
    *,
    is_simulated: bool = False,
    sources: Sequence[str] = (),
    inputs: InputReport = NOTHING_LEFT_OUT,
    pictures: Mapping[str, str] | None = None,
) -> str:
    """Write the model card of a training as Markdown.

    sources: of the executions that it learned from and was tested on. inputs: those that give the
    outcome away or are free text. pictures: the addresses of figures, by their names.
    """
    last_us = int(trained.test.as_of_us[-1])
    trained_on = DataPeriod(trained.train_rows, from_us(trained.first_us), from_us(trained.last_us))
    tested_on = DataPeriod(len(trained.test.target), from_us(trained.test_us), from_us(last_us))
    return render(
        CardContents(
            spec=trained.spec,
            candidate=trained.kind,
            verdict=trained.verdict,
            evidence=trained.evidence,
            validation=trained.validation,
            test=trained.test_scores,
            slices=trained.slices,
            importance=trained.importance,
            joint=trained.joint,
            trained_on=trained_on,
            tested_on=tested_on,
            data_digest=trained.data_digest,
            code_version=code_version,
            is_simulated=is_simulated,
            sources=tuple(sources),
            inputs=inputs,
            coverage=trained.coverage,
            errors=trained.relative_errors,
            pictures=pictures or {},
        )
    )


def render(facts: CardContents) -> str:
    """Join the sections; the least important come last, since registries may truncate a card."""
    sections = (
        card_sections.head(facts),
        card_sections.scores(facts),
        card_sections.verdict(facts),
        card_errors.relative_errors(facts),
        card_sections.levels(facts),
        card_sections.limits(facts),
        card_sections.leaks(facts),
        card_sections.texts(facts),
        card_sections.candidates(facts),
        card_sections.groups(facts),
        card_importance.importance(facts),
        card_sections.making(facts),
    )
    return "\n".join(line for section in sections for line in (*section, "")).rstrip() + "\n"
