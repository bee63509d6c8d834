"""`runlore limit`: a limit of time or memory for a run, in the syntax of the tool that holds it."""

from typing import Annotated, Any

import typer

from runlore.cli.output import Json, echo, emit_json
from runlore.cli.serving.answers import AnswerOptions, Url, answers_of
from runlore.cli.serving.predict import Timeout
from runlore.cli.serving.time_limit import time_limit
from runlore.cli.serving.works import Actor, Execution, Inputs, Kind, Scope, read_works
from runlore.kernel.deadlines import COMMAND_ANSWER_S
from runlore.serving.rules.limit_formats import Format

SPEC_OF = {"memory": "peak-memory"}  # the short name of a ready spec

Margin = Annotated[
    str | None, typer.Option(metavar="MARGIN", help="Add this to the quantile: 10%, 15m, 1GB.")
]
AtMost = Annotated[
    str | None, typer.Option("--at-most", metavar="LIMIT", help="No limit is above: 24h, 64GB.")
]
AtLeast = Annotated[
    str | None, typer.Option("--at-least", metavar="LIMIT", help="No limit is below: 5m, 1GB.")
]


def limit(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC", help="duration, memory, or a spec of a quantity.")
    ],
    actor: Actor = None,
    kind: Kind = None,
    scope: Scope = "",
    inputs: Inputs = None,
    execution: Execution = None,
    quantile: Annotated[
        float, typer.Option(metavar="LEVEL", help="The share of runs that stay within the limit.")
    ] = 0.95,
    style: Annotated[
        Format, typer.Option("--format", help="Syntax: of a tool, or the number alone.")
    ] = "plain",
    add: Margin = None,
    at_most: AtMost = None,
    at_least: AtLeast = None,
    url: Url = None,
    timeout: Timeout = COMMAND_ANSWER_S,
    json: Json = False,
) -> None:
    """Print a limit for a run, and nothing else.

    It is the quantile of what such work needs, rounded up. The answer is on the ledger. Without an
    answer nothing is printed on standard output, and the exit code is 1.

    Example: sbatch $(runlore limit duration --actor ann --kind sim --format slurm) job.sh
    """
    works = read_works(actor, kind, scope, inputs, execution)
    options = AnswerOptions(url, timeout, levels=(quantile,))
    with time_limit(timeout, stuck_code=1):
        [answer] = answers_of([SPEC_OF.get(spec, spec)], works, options)
    [value] = answer["quantiles"].values()
    _show(answer, quantile, _bounded(value, answer["unit"], add, at_most, at_least), style, json)


def _bounded(
    value: float, unit: str, add: str | None, at_most: str | None, at_least: str | None
) -> float:
    from runlore.serving.rules.limit_texts import parse_limit, with_margin

    value = value if add is None else with_margin(value, add, unit)
    if at_least is not None:
        value = max(value, parse_limit(at_least, unit, "at-least"))
    return value if at_most is None else min(value, parse_limit(at_most, unit, "at-most"))


def _show(
    answer: dict[str, Any],
    quantile: float,
    value: float,
    style: Format,
    json: bool,
) -> None:
    from runlore.serving.rules.limit_formats import format_limit

    text = format_limit(value, answer["unit"], style)
    if json:
        fields = {"spec": answer["spec"], "quantile": quantile, "limit": value}
        emit_json({**fields, "unit": answer["unit"], "text": text, "answer": answer})
        return
    if answer["support"] == "none":
        echo(f"runlore: warning: {answer['spec']} knows nothing of this request", err=True)
    echo(text)
