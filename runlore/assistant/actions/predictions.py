"""Will it fail and why; how long will it take and which limit holds."""

from collections.abc import Mapping, Sequence

from runlore.assistant.actions.context import ToolContext
from runlore.assistant.actions.past_predictions import past_failure, past_quantity
from runlore.assistant.queries.runs import RunCounts, RunQuery, count_runs
from runlore.assistant.rules.arguments import DurationArguments, WorkArguments
from runlore.assistant.rules.figures import Figure, ToolAnswer, share_figure
from runlore.assistant.rules.log_text import quote
from runlore.features.declaration import FeaturePlan
from runlore.features.keys import KeyParts
from runlore.kernel.errors import BadInput, Refused, Stalled
from runlore.kernel.readable import readable_quantity, readable_share
from runlore.models.bundle import Bundle
from runlore.records.execution import Scalar
from runlore.serving.actions.prediction import (
    UNDRAWN,
    Predictor,
    Request,
    RequestBatch,
    ServedPrediction,
)
from runlore.serving.actions.prediction_commit import commit
from runlore.serving.actions.recording import SOURCE

REASONS = 5
UNCOUNTED = "truncated: like runs could not be counted in time; look_up_runs with since counts some"
PREFIX = "inputs."
SAYS = {"none": "nothing", "little": "little", "good": "enough"}


def predict_failure(context: ToolContext, asked: WorkArguments) -> ToolAnswer:
    """Put the answer on the ledger. Raises NoChampion, and BadInput for an unknown input.

    With `as_of`, what was answered until then instead; nothing is computed.
    """
    if asked.as_of is not None:
        return past_failure(context, asked, asked.as_of)
    predictor = context.champions.predictor("failure-risk")
    served = _serve(context, predictor, asked, ())
    past, notes = _past(context, asked, served)
    risk = Figure(
        "failure probability",
        served.prediction,
        "probability",
        served.as_of,
        n=_tested(predictor.bundle),
        id=str(served.id),
    )
    seen = share_figure("like runs that failed", past.failed, past.ended, served.as_of)
    lines = [
        f"{_work(asked)}: {readable_share(served.prediction)} risk of failure.",
        _past_line(past, notes),
        f"The model knows {SAYS[served.support]} of such work. A probability has no interval of its"
        " own; that of like runs is beside it.",
    ]
    return ToolAnswer(" ".join(lines), served.as_of, (risk, seen), _reasons(served), notes)


def predict_duration(context: ToolContext, asked: DurationArguments) -> ToolAnswer:
    """The same for a quantity. Raises Refused for a spec of a probability."""
    predictor = context.champions.predictor(asked.spec)
    bundle = predictor.bundle
    if bundle.unit == "probability":
        raise Refused(f"spec: {asked.spec} is a probability; ask predict_failure")
    if asked.as_of is not None:
        return past_quantity(context, asked, asked.as_of, bundle.unit)
    served = _serve(context, predictor, asked, (asked.level,))
    past, notes = _past(context, asked, served)
    unit, number = bundle.unit, str(served.id)
    [limit] = (served.quantiles or {}).values()
    tested = _tested(bundle)
    name = asked.spec if asked.spec != "duration" else "duration"
    figures = [
        Figure(
            name, served.prediction, unit, served.as_of, served.low, served.high, tested, number
        ),
        Figure(f"limit at {asked.level:g}", limit, unit, served.as_of, n=tested, id=number),
    ]
    if asked.spec == "duration":
        figures.append(_measured(past, served))
    low, high = (
        "unknown" if one is None else readable_quantity(one, unit)
        for one in (served.low, served.high)
    )
    lines = [
        f"{_work(asked)}: {clean_name(name)} {readable_quantity(served.prediction, unit)}"
        f" (between {low} and {high}); {readable_share(asked.level)} stay within"
        f" {readable_quantity(limit, unit)}.",
        _past_line(past, notes),
        f"The model knows {SAYS[served.support]} of such work.",
    ]
    return ToolAnswer(" ".join(lines), served.as_of, figures, _reasons(served), notes)


def clean_name(spec: str) -> str:
    """A spec as words.

    >>> clean_name("peak-memory")
    'peak memory'
    """
    return spec.replace("-", " ")


def _measured(past: RunCounts, served: ServedPrediction) -> Figure:
    return Figure(
        "median of like runs that succeeded",
        past.median,
        "s",
        served.as_of,
        past.low,
        past.high,
        past.measured,
    )


def _serve(
    context: ToolContext, predictor: Predictor, asked: WorkArguments, levels: tuple[float, ...]
) -> ServedPrediction:
    inputs = known_inputs(predictor.bundle, asked.inputs)
    subject = KeyParts(asked.actor, asked.kind, asked.scope, inputs)
    request = Request(subject, SOURCE if asked.execution else None, asked.execution)
    batch = RequestBatch(
        predictor,
        [request],
        context.now,
        arm=UNDRAWN,
        reasons=REASONS,
        key_id=context.key_id,
        explains_support=True,
        levels=levels,
    )
    [served] = commit(context.store, batch, has_ledger=context.has_ledger)
    return served


def known_inputs(bundle: Bundle, inputs: Mapping[str, str | float | bool]) -> dict[str, Scalar]:
    """Inputs as the version reads them. Raises BadInput for one that it does not know."""
    plan = bundle.plan
    texts = {one.name.removeprefix(PREFIX) for one in plan.categories}
    known = {*plan.inputs, *plan.others, *_keyed(plan), *(texts - {"actor", "kind", "scope"})}
    read: dict[str, Scalar] = {}
    for name, value in inputs.items():
        if name not in known:
            raise BadInput(
                f"inputs.{name[:80]}: version {bundle.version} does not know it; leave it out, or"
                f" name one of: {', '.join(sorted(known)[:30]) or '(none)'}",
                f"inputs.{name[:80]}",
            )
        read[name] = _number(name, value) if name in plan.inputs else _word(name, value, texts)
    return read


def _keyed(plan: FeaturePlan) -> set[str]:
    parts = {part for history in plan.histories for part in history.keys}
    return {part.removeprefix(PREFIX) for part in parts if part.startswith(PREFIX)}


def _number(name: str, value: str | float | bool) -> float:
    try:
        number = float(value)
    except ValueError as error:
        raise BadInput(f"inputs.{name}: a number is needed", f"inputs.{name}") from error
    if not abs(number) <= 1e30:
        raise BadInput(f"inputs.{name}: {number} is not from -1e30 to 1e30", f"inputs.{name}")
    return number


def _word(name: str, value: str | float | bool, texts: set[str]) -> Scalar:
    if name in texts and not isinstance(value, str):
        return f"{value:g}" if isinstance(value, float) else str(value).lower()
    return value


def _past(
    context: ToolContext, asked: WorkArguments, served: ServedPrediction
) -> tuple[RunCounts, tuple[str, ...]]:
    """Of a very large log like runs may not be counted in time, which is said."""
    query = RunQuery(served.as_of, actor=asked.actor, kind=asked.kind, scope=asked.scope or None)
    try:
        return count_runs(context.store, query), ()
    except Stalled:
        return RunCounts.unknown(), (UNCOUNTED,)


def _past_line(past: RunCounts, notes: Sequence[str]) -> str:
    if notes:
        return "Like runs were not counted."
    if not past.ended:
        return "No like run has ended before."
    share = readable_share(past.failed / past.ended)
    return f"Of {past.ended:,} like runs that ended, {past.failed:,} failed ({share})."


def _tested(bundle: Bundle) -> int | None:
    """Outcomes that the version was tested on."""
    rows = bundle.description.get("training", {}).get("test_rows")
    return None if rows is None else int(rows)


def _work(asked: WorkArguments) -> str:
    place = f" on {quote(asked.scope)}" if asked.scope else ""
    return f"{quote(asked.kind)} by {quote(asked.actor)}{place}"


def _reasons(served: ServedPrediction) -> list[dict[str, object]]:
    """The strongest first; then what the version does not know."""
    rows: list[dict[str, object]] = [
        {"reason": quote(one.text or one.feature, 200), "effect": one.effect}
        for one in served.reasons or ()
    ]
    return rows + [{"not known": quote(one.text, 200)} for one in served.unknown or ()]
