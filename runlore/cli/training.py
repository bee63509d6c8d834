"""`runlore train`: train models on the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.app import App
    from runlore.kernel.errors import RunloreError
    from runlore.specs.series_spec import SeriesSpec

MOST_SHOWN = 5  # sources in the output of a training

Specs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SPEC]...", help="Names of specs.  [default: all]"),
]
AtOnce = Annotated[
    bool,
    typer.Option("--at-once", help="Train the specs in parallel, on RUNLORE_TASK_RUNNER."),
]


AcceptData = Annotated[
    str | None,
    typer.Option(
        metavar="WHY", help="Train on data that breaks the data contract, for this reason."
    ),
]

Sources = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        metavar="NAME",
        help="Train on executions of this source only; repeatable.  [default: as the spec says]",
    ),
]


AcceptLeak = Annotated[
    list[str] | None,
    typer.Option(
        metavar="INPUT",
        help="Learn from this input although it seems to give the outcome away; holds until"
        " withdrawn. Repeatable.",
    ),
]

Because = Annotated[
    list[str] | None,
    typer.Option(metavar="WHY", help="Why: one reason for all, or one for each --accept-leak."),
]

WithdrawLeak = Annotated[
    list[str] | None,
    typer.Option(metavar="INPUT", help="Withdraw an acceptance of before. Repeatable."),
]


@dataclass(frozen=True)
class TrainOptions:
    """What a person chose for all specs. accept_data: why data that breaks its contract may teach.

    sources: whose executions teach and test; none: as the specs say. accept_leaks: inputs that do
    not give the outcome away, each with the reason.
    """

    accept_data: str | None = None
    sources: tuple[str, ...] = ()
    accept_leaks: Mapping[str, str] = field(default_factory=dict)


NO_OPTIONS = TrainOptions()


def train(
    specs: Specs = None,
    at_once: AtOnce = False,
    accept_data: AcceptData = None,
    source: Sources = None,
    accept_leak: AcceptLeak = None,
    because: Because = None,
    withdraw_leak: WithdrawLeak = None,
    json: Json = False,
) -> None:
    """Train specs and register the versions that pass their gates.

    The first version that passes becomes @champion. A later one becomes @challenger if it beats
    the champion on executions that neither was trained on.

    Without names, a spec whose value is not in the log, such as peak-memory, is passed over.

    A training is refused if the best candidate fails a gate, or if data since the champion's
    training breaks the data contract. The reasons are shown, the champion keeps serving, and the
    exit code is 1. Other specs are still trained.

    A series spec, such as all-series, is trained when it is named. It learns how each of its series
    is forecast; the options are for models only.

    With several sources, a model learns from all of them, unless --source names some. For a model
    per source that lasts, declare a spec for each.

    Inputs that give the outcome away are named and left out. With --accept-leak an input is used
    all the same, for a reason that stays on the record.

    Example: runlore train failure-risk --source builds
    """
    from runlore.app import open_app
    from runlore.cli.series_training import show_series, train_series_specs
    from runlore.kernel.errors import BadInput

    leaks = reasons_of(accept_leak or [], because or [])
    options = TrainOptions(accept_data, tuple(source or ()), leaks)
    with open_app() as app:
        names, series_specs = _apart(app, specs)
        if series_specs and (options != NO_OPTIONS or at_once or withdraw_leak):
            raise BadInput(f"{series_specs[0].name} is a series spec: it takes no options")
        trained_series = train_series_specs(app, series_specs)
        trained: dict[str, dict[str, Any]] = {}
        if names:
            _withdraw(app, names, withdraw_leak or [])
            echo("   reading the log", err=True)
            trained = _train_all(app, names, options, at_once=at_once, may_lack=not specs)
    if json:
        of_models = {name: concluded(name, outcome) for name, outcome in trained.items()}
        emit_json(of_models | trained_series)
    else:
        show_series(trained_series)
        show(trained)
    if not all(outcome["passed"] for outcome in (trained | trained_series).values()):
        raise typer.Exit(1)


def _apart(app: "App", named: list[str] | None) -> tuple[list[str], "list[SeriesSpec]"]:
    """The names of model specs, and the series specs; without names, every model spec."""
    from runlore.specs.series_spec import SeriesSpec

    if not named:
        return [spec.name for spec in app.specs], []
    found = [app.spec_named(name) for name in dict.fromkeys(named)]
    series_specs = [spec for spec in found if isinstance(spec, SeriesSpec)]
    return [spec.name for spec in found if not isinstance(spec, SeriesSpec)], series_specs


def reasons_of(inputs: Sequence[str], because: Sequence[str]) -> dict[str, str]:
    """The reason for each accepted input. Raises BadInput where their numbers do not fit.

    >>> reasons_of(["queue", "host"], ["known at submission"])
    {'queue': 'known at submission', 'host': 'known at submission'}
    """
    from runlore.kernel.errors import BadInput

    if inputs and not because:
        raise BadInput('because: say why: --accept-leak INPUT --because "WHY"', "because")
    if len(because) not in (0, 1, len(inputs)) or (because and not inputs):
        raise BadInput(
            f"because: {len(because)} reasons for {len(inputs)} inputs; give one, or one for each"
            " --accept-leak",
            "because",
        )
    return dict(zip(inputs, because if len(because) > 1 else [*because] * len(inputs), strict=True))


def _withdraw(app: "App", names: list[str], inputs: list[str]) -> None:
    if not inputs:
        return
    from getpass import getuser

    from runlore.kernel.instants import now
    from runlore.training.actions import leak_check

    for name in names:
        leak_check.withdraw(app.store, name, inputs, getuser(), now())


def _train_all(
    app: "App", names: list[str], options: TrainOptions, *, at_once: bool, may_lack: bool
) -> dict[str, dict[str, Any]]:
    """Train what has data enough; nothing is started when none has.

    may_lack: specs whose value the log lacks are named in a line each, and count as nothing.
    """
    from runlore.kernel.errors import Refused
    from runlore.log.reader import reading_ahead

    with reading_ahead(app.store):
        refused, lacking = _refused(app, names, options.sources)
        if may_lack and len(lacking) < len(names):
            names = [name for name in names if name not in lacking]
            for reason in lacking.values():
                echo(reason, err=True)
        else:
            refused |= {name: _refusal(name, Refused(lacking[name])) for name in lacking}
        to_train = [name for name in names if name not in refused]
        trained = _recorded(app, to_train, options, at_once=at_once) if to_train else {}
    return {name: (refused | trained)[name] for name in names}


def train_models(app: "App", names: list[str]) -> dict[str, dict[str, Any]]:
    """Train these specs as `runlore train` does; one whose value the log lacks is refused."""
    echo("   reading the log", err=True)
    return _train_all(app, names, NO_OPTIONS, at_once=False, may_lack=False)


def _refused(
    app: "App", names: list[str], sources: tuple[str, ...]
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """The outcomes of the specs that have too few executions to train on.

    Apart from them, the reasons of those whose value is not in the log.
    """
    from runlore.kernel.errors import NotFound, NotInLog, Refused
    from runlore.log.reader import read_log
    from runlore.training.actions.extraction import refuse_short

    refused, lacking = {}, {}
    log = read_log(app.store)
    known = set(log.facts["source"])
    if unknown := sorted(set(sources) - known):
        raise NotFound(
            f"source {unknown[0]!r}: there are no executions of it; sources: {_listed(known)}"
        )
    for name in names:
        try:
            refuse_short(log, app.spec(name).of_sources(sources))
        except NotInLog as error:
            lacking[name] = str(error)
        except Refused as error:
            refused[name] = _refusal(name, error)
    return refused, lacking


def _refusal(name: str, error: "RunloreError") -> dict[str, Any]:
    from runlore.training.actions.training import TrainOutcome

    return TrainOutcome.of_error(name, error).as_json()


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _recorded(
    app: "App", names: list[str], options: TrainOptions, *, at_once: bool
) -> dict[str, dict[str, Any]]:
    from runlore.cli.flow_run import flow_run

    with flow_run(app.settings, prepare=lambda: _prepare(app)):
        from tasks.edge import lent

        with lent(app):
            if at_once:
                return _together(names, options)
            return {name: _tried(name, options) for name in names}


def _prepare(app: "App") -> None:
    """Import what every training needs, and open the registry: both take seconds."""
    from runlore.process import imports_uncollected

    with imports_uncollected():
        from flows import training  # noqa: F401  (imported for later)
        from runlore.training.actions import preparation

        preparation.import_libraries()
        _ = app.registry


def _tried(name: str, options: TrainOptions) -> dict[str, Any]:
    from runlore.kernel.errors import RunloreError

    try:
        return run_one(name, options)
    except RunloreError as error:
        return _refusal(name, error)


def run_one(name: str, options: TrainOptions = NO_OPTIONS) -> dict[str, Any]:
    """Train one spec; the result says whether it passed or was refused."""
    from flows import training
    from flows.runner import result_of

    state: Any = training.train(
        name,
        options.accept_data,
        sources=list(options.sources) or None,
        accept_leaks=dict(options.accept_leaks) or None,
        return_state=True,
    )
    outcome: dict[str, Any] = result_of(state)
    return outcome


def _together(names: list[str], options: TrainOptions) -> dict[str, dict[str, Any]]:
    from flows.train_many import train_many

    outcomes: dict[str, dict[str, Any]] = train_many(
        names,
        options.accept_data,
        list(options.sources) or None,
        dict(options.accept_leaks) or None,
    )
    return outcomes


def concluded(name: str, outcome: dict[str, Any]) -> dict[str, Any]:
    """The outcome of one spec with its verdict and what to do, in words."""
    from dataclasses import asdict

    from runlore.training.views import conclude

    return {**asdict(conclude(name, outcome)), **outcome}


def show(trained: Mapping[str, dict[str, Any]]) -> None:
    """Print the verdict, then scores next to the baseline's."""
    from runlore.training.views import conclude

    for name, outcome in trained.items():
        if not outcome["candidate"]:
            continue
        if outcome["passed"]:
            echo(f"{name}: {conclude(name, outcome)}")
        emit_table(f"{outcome['candidate']}, on the latest executions", _rows(outcome))
        if len(outcome["sources"]) > 1:
            echo(f"one model over {len(outcome['sources'])} sources: {_some(outcome['sources'])}")
        elif outcome["sources"]:
            echo(f"learned from source {outcome['sources'][0]}")
        _show_inputs(name, outcome)
    for name, outcome in trained.items():
        if not outcome["passed"]:
            echo(f"runlore: {name}: {conclude(name, outcome)}", err=True)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_SHOWN])
    return shown if len(names) <= MOST_SHOWN else f"{shown} and {len(names) - MOST_SHOWN} more"


def _show_inputs(name: str, outcome: Mapping[str, Any]) -> None:
    """Print what the model does not read, each leak with its evidence."""
    for leak in outcome["leaks"]:
        accepted = leak["accepted"]
        what = f"accepted by {accepted['actor']}: {accepted['reason']}" if accepted else "left out"
        echo(f"{name}: {leak['input']} {leak['evidence']}: {what}")
    if any(leak["accepted"] is None for leak in outcome["leaks"]):
        advice = f'runlore train {name} --accept-leak INPUT --because "WHY"'
        echo(f"Inputs that give the outcome away are left out. To use one: {advice}")
    left_out = [text for text in outcome["texts"] if text not in outcome["hashed"]]
    if left_out:
        echo(f"{name}: left out as free text: {', '.join(left_out)}")
    if outcome["hashed"]:
        echo(f"{name}: free text, read by hashes of its words: {', '.join(outcome['hashed'])}")


def _rows(outcome: dict[str, Any]) -> list[dict[str, object]]:
    from runlore.models.score_names import display
    from runlore.training.rules.gates import score_text

    baseline, unit = outcome["baseline"], outcome["unit"]
    return [
        {
            "score": display(score),
            "model": score_text(score, value, unit),
            "baseline": score_text(score, baseline[score], unit) if score in baseline else "",
        }
        for score, value in outcome["scores"].items()
    ]
