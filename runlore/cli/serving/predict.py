"""`runlore predict`: the answer of the prediction service, from the shell."""

from typing import Annotated, Any

import typer

from runlore.cli.output import Json, echo, emit_json
from runlore.cli.serving.answers import AnswerOptions, Reasons, Url, answers_of
from runlore.cli.serving.time_limit import time_limit
from runlore.cli.serving.works import Actor, Execution, File, Inputs, Kind, Scope, read_works

TIMEOUT_S = 120.0
Timeout = Annotated[
    float, typer.Option(min=0.1, max=86_400, metavar="SECONDS", help="Give up after this time.")
]


def predict(
    specs: Annotated[
        list[str], typer.Argument(metavar="SPEC...", help="One spec or several, such as duration.")
    ],
    actor: Actor = None,
    kind: Kind = None,
    scope: Scope = "",
    inputs: Inputs = None,
    execution: Execution = None,
    file: File = None,
    reasons: Reasons = 3,
    quantiles: Annotated[
        list[float] | None,
        typer.Option(
            "--quantile",
            min=0,
            max=1,
            metavar="LEVEL",
            help="Also what this share of outcomes does not exceed, such as 0.95; for quantities.",
        ),
    ] = None,
    url: Url = None,
    timeout: Timeout = TIMEOUT_S,
    json: Json = False,
) -> None:
    """Predict before work runs.

    The champion answers, and the answer is on the ledger. It says how much of the request is known,
    and what is not.

    Example: runlore predict failure-risk duration --actor ann --kind build --input nodes=4
    """
    works = read_works(actor, kind, scope, inputs, execution, file)
    levels = tuple(quantiles or ())
    with time_limit(timeout, stuck_code=1):
        answers = answers_of(specs, works, AnswerOptions(url, timeout, reasons, levels))
    if json:
        emit_json({"answers": answers})
        return
    for at, answer in enumerate(answers):
        if len(works) > 1:
            echo(f"request {at % len(works) + 1}:")
        show_answer(answer)


def show_answer(answer: dict[str, Any]) -> None:
    """The prediction first; then what moved it, and what is not known."""
    echo(f"{answer['spec']}: {prediction_text(answer)}")
    show_details(answer)


def show_details(answer: dict[str, Any]) -> None:
    for level, value in (answer["quantiles"] or {}).items():
        share = value_text(float(level), "probability")
        echo(f"  at most {value_text(value, answer['unit'])} with {share}")
    for reason in answer["reasons"] or ():
        echo(f"  {reason['text'] or reason['feature']}")
    echo(f"  support: {answer['support']}; version {answer['version']}, id {answer['id']}")
    for part in answer["unknown"] or ():
        echo(f"  not known: {part['text']}")
    if answer["history"] == "absent":
        echo("  not known: the past of anybody, since the service has no database")


def prediction_text(answer: dict[str, Any]) -> str:
    from runlore.kernel.readable import readable_quantity

    unit = answer["unit"]
    text = value_text(answer["prediction"], unit)
    if answer["low"] is None:
        return text
    low, high = (readable_quantity(answer[name], unit) for name in ("low", "high"))
    return f"{text} (between {low} and {high})"


def value_text(value: float, unit: str) -> str:
    """A prediction as people read it."""
    from runlore.kernel.readable import readable_quantity, readable_share

    return readable_share(value) if unit == "probability" else readable_quantity(value, unit)
