"""The section of a model card on errors as shares of the truth."""

from collections.abc import Iterator

from runlore.kernel.readable import readable_share
from runlore.models.relative_errors import RelativeErrors
from runlore.training.rules.card_sections import CardContents, table
from runlore.training.rules.gates import number


def relative_errors(facts: CardContents) -> Iterator[str]:
    """How often an answer is near the truth, beside the baseline; nothing for a probability."""
    if facts.errors is None:
        return
    ours, theirs = (_cells(one) for one in facts.errors)
    yield "## Errors as shares of the truth"
    yield ""
    names = (
        "within 15 % of the truth",
        "within 25 % of the truth",
        "median of |error| / truth",
        "standardised accuracy (1: no error, 0: guessing one execution by another)",
    )
    rows = list(zip(names, ours, theirs, strict=True))
    yield from table(("on the test part", "model", "baseline"), rows)


def _cells(errors: RelativeErrors) -> tuple[str, ...]:
    shares = (errors.pred_15, errors.pred_25, errors.md_mre)
    sa = "–" if errors.sa is None else number(errors.sa)
    return (*(readable_share(share) for share in shares), sa)
