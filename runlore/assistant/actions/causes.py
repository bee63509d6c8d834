"""Why runs failed, or that it is not known."""

from typing import Any

from runlore.advice.actions.causes import CauseQuestion, find_causes
from runlore.advice.cause_views import CauseView, MovedMetricView, SuspectView, show_causes
from runlore.assistant.actions.context import ToolContext
from runlore.assistant.rules.arguments import CauseArguments, now_unless
from runlore.assistant.rules.figures import Figure, ToolAnswer, cut_note, share_figure
from runlore.assistant.rules.log_text import quote

MOST_SUSPECTS = 10
LONGEST = 500


def explain_failures(context: ToolContext, asked: CauseArguments) -> ToolAnswer:
    """Raises NotFound for an unknown run, BadInput for one that did not fail."""
    as_of = now_unless(asked.as_of, context.now)
    question = CauseQuestion(as_of, asked.kind, asked.scope, asked.id, asked.since, asked.until)
    view = show_causes(find_causes(context.store, question))
    shown = view.suspects[:MOST_SUSPECTS]
    notes = cut_note("suspects", len(shown), len(view.suspects), "`runlore advise why` lists all")
    listed = view.metrics[:MOST_SUSPECTS]
    notes += cut_note("metrics", len(listed), len(view.metrics), "`runlore advise why` lists them")
    if view.truncated:
        notes += (
            f"truncated: only the newest {view.compared:,} runs were compared; name a kind, or"
            " since and until",
        )
    period = f"{view.since:%Y-%m-%d %H:%M} to {view.until:%Y-%m-%d %H:%M} UTC"
    text = f"{period}: {view.answer}. {quote(view.text, LONGEST)}"
    return ToolAnswer(
        text, as_of, _figures(view), [*map(_row, shown), *map(_metric, listed)], notes
    )


def _figures(view: CauseView) -> list[Figure]:
    figures = [
        share_figure("failure rate in the period", view.failed, view.rows, view.as_of),
        Figure("failures expected by the 28 days before", view.expected, "runs", view.as_of,
               n=view.compared),
        Figure("p of such a rise by chance", view.p, "probability", view.as_of, n=view.rows),
    ]  # fmt: skip
    for cause in view.causes[:3]:
        with_it = f"failure rate with {quote(cause.text)}"
        figures.append(share_figure(with_it, cause.failed, cause.rows, view.as_of))
        without = f"failure rate without {quote(cause.text)}"
        figures.append(share_figure(without, cause.without_failed, cause.without_rows, view.as_of))
    return figures


def _row(one: SuspectView) -> dict[str, Any]:
    return {
        "suspect": quote(one.text),
        "failed": one.failed,
        "runs": one.rows,
        "expected": one.expected,
        "failed without": one.without_failed,
        "runs without": one.without_rows,
        "explains": one.share,
        "p": one.p,
    }


def _metric(one: MovedMetricView) -> dict[str, Any]:
    return {
        "moved at the same time": quote(f"{one.name} {one.scope}".strip()),
        "level": one.level,
        "usual low": one.low,
        "usual high": one.high,
        "p": one.p,
    }
