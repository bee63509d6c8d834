"""`runlore gate`: whether work may run, as an exit code."""

import os
import sys
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import typer

from runlore.cli.output import Json, echo, emit_json
from runlore.cli.serving.answers import AnswerOptions, Reasons, Url, answers_of
from runlore.cli.serving.predict import Timeout, show_details, value_text
from runlore.cli.serving.time_limit import time_limit
from runlore.cli.serving.works import Actor, Execution, Inputs, Kind, Scope, read_works
from runlore.kernel.deadlines import COMMAND_ANSWER_S
from runlore.kernel.errors import RunloreError, describe

PASSES, RISKY, NO_ANSWER = 0, 1, 2

FailOpen = Annotated[
    bool, typer.Option("--fail-open", help="Exit with 0 when there is no answer, with a warning.")
]
NeedSupport = Annotated[
    bool,
    typer.Option(
        "--need-support", help="A request of which nothing is known counts as without an answer."
    ),
]


@dataclass(frozen=True)
class GateExit:
    """What the gate says. exit_code: 0 passes, 1 risky, 2 no answer; 0 also where it fails open.

    limit: in the unit of the answer. why: one sentence.
    """

    state: Literal["passes", "risky", "no answer"]
    exit_code: int
    spec: str
    limit: float | None
    why: str
    answer: dict[str, Any] | None = None


def gate(
    spec: Annotated[str, typer.Argument(help="Name of a spec, such as failure-risk.")],
    limit: Annotated[
        str,
        typer.Option(
            "--max",
            metavar="LIMIT",
            help="The largest prediction that passes: 0.3 or 30% of a probability, 2h, 90s or 4GB"
            " of a quantity.",
        ),
    ],
    actor: Actor = None,
    kind: Kind = None,
    scope: Scope = "",
    inputs: Inputs = None,
    execution: Execution = None,
    fail_open: FailOpen = False,
    need_support: NeedSupport = False,
    reasons: Reasons = 3,
    url: Url = None,
    timeout: Timeout = COMMAND_ANSWER_S,
    json: Json = False,
) -> None:
    """Decide whether work may run.

    The exit code is 0 when the prediction is at most the limit, 1 when it is above, and 2 when
    there is no answer: no champion, no database, no service, a wrong request, or no time left.

    Example: runlore gate failure-risk --max 0.3 --actor ann --kind build && ./build.sh
    """
    open_code = PASSES if fail_open else NO_ANSWER
    try:
        works = read_works(actor, kind, scope, inputs, execution)
        with time_limit(timeout, stuck_code=open_code):
            [answer] = answers_of([spec], works, AnswerOptions(url, timeout, reasons))
        result = _judge(answer, limit, open_code, need_support=need_support)
    except RunloreError as error:
        result = GateExit("no answer", open_code, spec, None, f"no answer: {error}")
    except Exception as error:  # noqa: BLE001  (whatever went wrong, it is no answer, and not 1)
        result = GateExit("no answer", open_code, spec, None, f"no answer: {describe(error)}")
    _print(result, json=json)
    raise typer.Exit(result.exit_code)


def _judge(answer: dict[str, Any], text: str, open_code: int, *, need_support: bool) -> GateExit:
    from runlore.serving.rules.limit_texts import parse_limit

    spec, unit, value = answer["spec"], answer["unit"], answer["prediction"]
    limit = parse_limit(text, unit)
    if need_support and answer["support"] == "none":
        why = f"no answer: {spec} knows nothing of this request"
        return GateExit("no answer", open_code, spec, limit, why, answer)
    shown = f"{spec} {value_text(value, unit)}"
    if value <= limit:
        why = f"passes: {shown} is at most {value_text(limit, unit)}"
        return GateExit("passes", PASSES, spec, limit, why, answer)
    why = f"risky: {shown} is above {value_text(limit, unit)}"
    return GateExit("risky", RISKY, spec, limit, why, answer)


def _print(result: GateExit, *, json: bool) -> None:
    """A reader that has gone away must not change the exit code: nothing more is written then."""
    try:
        if json:
            emit_json(asdict(result))
        else:
            _show(result)
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show(result: GateExit) -> None:
    is_silent = result.state == "no answer"
    echo(f"runlore: {result.why}" if is_silent else result.why, err=is_silent)
    if is_silent and result.exit_code == PASSES:
        echo("runlore: warning: --fail-open lets the work run without an answer", err=True)
    if result.answer is not None:
        show_details(result.answer)
