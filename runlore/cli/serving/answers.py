"""Answers for the commands before a run: from a running service, or made here from the store.

Both are on the ledger before they are shown, and look the same.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from runlore.cli.serving.works import WorkRequest
from runlore.kernel.errors import BadInput, NoChampion

if TYPE_CHECKING:
    from pydantic import ValidationError

    from runlore.app import App
    from runlore.client import Client, Work
    from runlore.models.bundle import Bundle
    from runlore.serving.actions.prediction import Request

URL_VARIABLE, KEY_VARIABLE = "RUNLORE_URL", "RUNLORE_KEY"
INPUTS = "inputs."

Url = Annotated[
    str | None,
    typer.Option(
        envvar=URL_VARIABLE,
        help=f"A running prediction service, whose key is in {KEY_VARIABLE}.  [default: none, the"
        " answer is made here]",
    ),
]
Reasons = Annotated[int, typer.Option(min=0, max=20, help="How many reasons to give.")]

Answer = dict[str, Any]
Ask = Callable[[str, list[WorkRequest]], list[Answer]]


@dataclass(frozen=True)
class AnswerOptions:
    """url: of a service; None: answer here. timeout_s: of the whole command. levels: of quantiles,
    which only quantities have."""

    url: str | None
    timeout_s: float
    reasons: int = 0
    levels: tuple[float, ...] = ()

    @property
    def query(self) -> dict[str, str]:
        """As query parameters of HTTP, besides the reasons."""
        quantiles = {"quantiles": ",".join(map(repr, self.levels))} if self.levels else {}
        return {"support": "1", **quantiles}


def answers_of(
    specs: Sequence[str], works: Sequence[WorkRequest], options: AnswerOptions
) -> list[Answer]:
    """The answers of each spec to all works, one spec after the other.

    Raises BadInput, NotFound, NoChampion, Unavailable and what else the service says.
    """
    if options.url is None:
        return _here(specs, works, options)
    from runlore.client import Client
    from runlore.client.retries import RetryPolicy

    retry = RetryPolicy(patience_s=options.timeout_s / 2)
    key = os.environ.get(KEY_VARIABLE) or None
    with Client(options.url, key=key, timeout_s=options.timeout_s, retry=retry) as client:
        return _every(specs, works, lambda spec, asked: _there(client, spec, asked, options))


def _every(specs: Sequence[str], works: Sequence[WorkRequest], ask: Ask) -> list[Answer]:
    return [answer for spec in specs for answer in _as_words(ask, spec, list(works))]


def _as_words(ask: Ask, spec: str, works: list[WorkRequest]) -> list[Answer]:
    """Ask, and once more with the text of an input that only looks like a number."""
    while True:
        try:
            return ask(spec, works)
        except BadInput as error:
            name = (error.field or "").rpartition(INPUTS)[2]
            if len(works) != 1 or name not in works[0].texts:
                raise
            works = [works[0].as_text(name)]


def _there(
    client: "Client", spec: str, works: list[WorkRequest], options: AnswerOptions
) -> list[Answer]:
    from runlore.client import calls

    bodies = [cast("Work", work.body) for work in works]
    if len(bodies) == 1:
        one = calls.predict_one(spec, bodies[0], options.reasons, **options.query)
        return client.send(one, lambda answer: [dict(answer)])
    many = calls.predict_many(spec, bodies, options.reasons, **options.query)
    return client.send(many, lambda answers: [dict(answer) for answer in answers])


def _here(
    specs: Sequence[str], works: Sequence[WorkRequest], options: AnswerOptions
) -> list[Answer]:
    from runlore.app import open_app

    with open_app(delivers=False) as app:
        for spec in specs:
            app.spec(spec)  # an unknown name is said before anything is loaded
        return _every(specs, works, lambda spec, asked: _answered(app, spec, asked, options))


def _answered(
    app: "App", spec: str, works: list[WorkRequest], options: AnswerOptions
) -> list[Answer]:
    from pydantic_core import from_json, to_json

    from bentos.predict.answer_json import answer_json
    from bentos.predict.request_options import parse_options
    from runlore.kernel import instants
    from runlore.serving.actions import states
    from runlore.serving.actions.prediction import UNDRAWN, Predictor, RequestBatch
    from runlore.serving.actions.prediction_commit import commit

    bundle = _champion(app, spec)
    extras = parse_options({"reasons": str(options.reasons), **options.query})
    extras.check(spec, bundle.unit)
    requests = _requests(bundle, works)
    states.activate(app.store, bundle.plan)
    batch = RequestBatch(
        Predictor(bundle),
        requests,
        instants.now(),
        arm=UNDRAWN,
        reasons=extras.reasons,
        explains_support=extras.explains_support,
        levels=extras.levels,
    )
    answers = commit(app.store, batch, has_ledger=app.settings.ledger == "on")
    return [from_json(to_json(answer_json(answer, bundle.unit))) for answer in answers]


def _champion(app: "App", spec: str) -> "Bundle":
    from runlore.registry.champions import load_champion

    has_tables = app.settings.mlflow_tracking_uri is None
    folder = app.settings.home / "serving"
    bundle = load_champion(app.store, spec, folder, lambda: app.registry, has_tables=has_tables)
    if bundle is None:
        raise NoChampion(spec)
    bundle.check_probe()
    return bundle


def _requests(bundle: "Bundle", works: list[WorkRequest]) -> "list[Request]":
    """Raises BadInput as HTTP does."""
    from pydantic import ValidationError

    from bentos.predict.request_schema import request_schema_of
    from runlore.serving.actions.prediction import Request
    from runlore.serving.actions.recording import SOURCE

    schema = request_schema_of(bundle.spec, bundle.plan, "wall")
    try:
        rows = schema.batch.validate_python([work.body for work in works])
    except ValidationError as error:
        raise _bad_input(error, is_one=len(works) == 1) from error
    return [
        Request(schema.subject(row), SOURCE if row.execution else None, row.execution)
        for row in rows
    ]


def _bad_input(error: "ValidationError", *, is_one: bool) -> BadInput:
    """The first fault, named as HTTP names it."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    location = fault["loc"][1:] if is_one else fault["loc"]
    name = ".".join(map(str, location)) or "file"
    return BadInput(f"{name[:80]}: {fault['msg']}", name[:80])
