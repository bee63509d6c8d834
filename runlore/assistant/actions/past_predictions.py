"""What was predicted of some work, as of an instant."""

from datetime import datetime

from runlore.assistant.actions.context import ToolContext
from runlore.assistant.queries.past_answers import PastAnswer, PastQuery, newest_answer
from runlore.assistant.queries.runs import RunQuery, count_runs
from runlore.assistant.rules.arguments import DurationArguments, WorkArguments
from runlore.assistant.rules.figures import Figure, ToolAnswer, share_figure
from runlore.assistant.rules.log_text import quote
from runlore.kernel.errors import NotFound
from runlore.kernel.readable import readable_quantity, readable_share


def past_failure(context: ToolContext, asked: WorkArguments, as_of: datetime) -> ToolAnswer:
    """The newest answer until then. Raises NotFound where nobody had asked."""
    answer = _newest(context, "failure-risk", asked, as_of)
    risk = Figure(
        "failure probability",
        answer.prediction,
        "probability",
        answer.as_of,
        answer.low,
        answer.high,
        id=str(answer.id),
    )
    past = count_runs(
        context.store,
        RunQuery(as_of, actor=asked.actor, kind=asked.kind, scope=asked.scope or None),
    )
    seen = share_figure("like runs that failed", past.failed, past.ended, as_of)
    text = f"{_begin(asked, answer)} {readable_share(answer.prediction)} risk of failure."
    return ToolAnswer(text, as_of, (risk, seen), _reasons(answer))


def past_quantity(
    context: ToolContext, asked: DurationArguments, as_of: datetime, unit: str
) -> ToolAnswer:
    """The same of a quantity; its limit only where that level was asked for then."""
    answer = _newest(context, asked.spec, asked, as_of)
    number = str(answer.id)
    limit = (answer.quantiles or {}).get(f"{asked.level:g}")
    figures = [
        Figure(
            asked.spec, answer.prediction, unit, answer.as_of, answer.low, answer.high, id=number
        ),
        Figure(f"limit at {asked.level:g}", limit, unit, answer.as_of, id=number),
    ]
    text = f"{_begin(asked, answer)} {readable_quantity(answer.prediction, unit)}."
    if limit is None:
        text += f" No limit at {asked.level:g} was asked for then."
    return ToolAnswer(text, as_of, figures, _reasons(answer))


def _newest(context: ToolContext, spec: str, asked: WorkArguments, as_of: datetime) -> PastAnswer:
    query = PastQuery(spec, as_of, asked.actor, asked.kind, asked.scope, asked.execution)
    found = newest_answer(context.store, query)
    if found is None:
        raise NotFound(
            f"as_of: nobody asked {spec} about such work until {as_of:%Y-%m-%d %H:%M %Z}; leave"
            " as_of out for a prediction by all that is known now"
        )
    return found


def _begin(asked: WorkArguments, answer: PastAnswer) -> str:
    place = f" on {quote(asked.scope)}" if asked.scope else ""
    inputs = answer.request.get("inputs") or {}
    given = f" with {quote(', '.join(f'{k}={v}' for k, v in inputs.items()))}" if inputs else ""
    return (
        f"{quote(asked.kind)} by {quote(asked.actor)}{place}{given}: version {answer.version}"
        f" predicted at {answer.at:%Y-%m-%d %H:%M %Z}:"
    )


def _reasons(answer: PastAnswer) -> list[dict[str, object]]:
    return [
        {"reason": quote(str(one.get("text") or one.get("feature")), 200), "effect": one["effect"]}
        for one in answer.reasons or ()
    ]
