"""Look at a log file: everything that its page says."""

import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from runlore.features.columns import measure
from runlore.features.log import Log
from runlore.ingest.actions.formats import Progress
from runlore.kernel.durations import DAY_US
from runlore.kernel.errors import RunloreError
from runlore.kernel.instants import from_us
from runlore.look.actions.learning import Learned, duration_findings, failure_findings, learn
from runlore.look.actions.limits import memory_limits, time_limits
from runlore.look.actions.reading import LogChoice, ReadLog, read_log_file
from runlore.look.rules import column_guess, specs, standouts, words
from runlore.look.rules.findings import (
    FileFindings,
    LookFindings,
    Part,
    RejectedRows,
    SpanCount,
)
from runlore.look.rules.risk import TOP
from runlore.look.rules.standouts import GroupedRuns
from runlore.specs.model_spec import ModelSpec
from runlore.training.actions.targets import target_of
from runlore.training.rules.leaks.leak import NOTHING_LEFT_OUT

Floats = NDArray[np.float64]
Say = Callable[[str], None]

SPANS = 48
LIMIT_SYNTAXES = ("slurm", "github", "airflow", "nextflow")  # that `runlore limit` writes
PARTS: tuple[Part, ...] = ("actor", "kind", "scope")


@dataclass(frozen=True)
class LookOptions:
    """price_per_hour: of the hours that limits save. hides_names: replace users, kinds and hosts by
    numbered names."""

    price_per_hour: float | None = None
    hides_names: bool = False


def look_at_file(
    choice: LogChoice,
    options: LookOptions,
    at: datetime,
    say: Say,
    progress: Progress | None = None,
) -> LookFindings:
    """Read a file, learn from its past, test on its future, and say what was found.

    at: now; rows that end later are rejects. Nothing is written. Raises BadInput for a file that
    cannot be read.
    """
    say(f"reading {choice.path.name}")
    read = read_log_file(choice, at, progress)
    file = _file_findings(read)
    unanswered: dict[str, str] = {}
    failures = _learned(read.log, specs.FAILURE, "who fails", say, unanswered)
    durations = _learned(read.log, specs.DURATION, "how long runs take", say, unanswered)
    say("comparing users, kinds and hosts")
    found, compared = standouts.stand_outs(_grouped(read.log))
    if options.hides_names:
        found = standouts.hidden(found)
    limits = time_limits(durations, options.price_per_hour) if durations else ()
    limits += memory_limits(read.log, say)
    failure = failure_findings(failures) if failures else None
    duration = duration_findings(durations) if durations else None
    either = failures or durations
    inputs = either.extract.inputs if either else NOTHING_LEFT_OUT
    newcomers = _share_of_newcomers(either) if either else 0.0
    return LookFindings(
        file=file,
        verdict=tuple(words.verdict(file, failure, duration, limits, unanswered)),
        failure=failure,
        duration=duration,
        limits=limits,
        standouts=found,
        compared=compared,
        unpredictable=tuple(words.unpredictable(file, failure, duration, inputs, newcomers)),
        unanswered=unanswered,
        commands=tuple(_commands(read, failures, durations, options)),
        bounds=specs.BOUNDS,
    )


def _learned(
    log: Log, spec: ModelSpec, question: str, say: Say, unanswered: dict[str, str]
) -> Learned | None:
    """None, and the reason, where the log gives no answer."""
    say(f"learning {question}")
    try:
        return learn(log, spec, lambda text: say(f"{question}: {text}"))
    except RunloreError as error:
        unanswered[spec.name] = words.no_answer(question, _reason(log, spec, str(error)))
        return None


def _reason(log: Log, spec: ModelSpec, reason: str) -> str:
    """Why there is no answer; what the log does not say comes before how much of it is needed."""
    if not np.isfinite(target_of(log, spec)).any():
        return words.NOTHING_SAID[spec.question.of]
    return reason.removeprefix(f"{spec.name}: ")


def _file_findings(read: ReadLog) -> FileFindings:
    log, preview = read.log, read.preview
    at_us = log.as_of_us
    first, last = int(at_us.min()), int(at_us.max())
    groups = tuple(
        RejectedRows(one.reason, one.rows, one.line, one.remedy) for one in preview.rejects
    )
    columns = {
        "id" if name == "source_id" else name: column
        for name, column in read.source.mapping.columns.items()
    }
    final = np.where(log.events.final >= 0, log.events.final, log.events.first)
    status = log.facts["status"].to_numpy(dtype=object)[final]
    return FileFindings(
        name=read.source.path.name,
        format=read.source.format,
        rows=preview.rows,
        runs=len(log.executions),
        rejected=preview.rejected,
        first=from_us(first).isoformat(),
        last=from_us(last).isoformat(),
        days=(last - first) / DAY_US,
        rejects=groups,
        skipped=dict(sorted(preview.skipped.items())),
        warnings=tuple(_sentence(one.message, one.remedy) for one in preview.warnings),
        notes=read.notes,
        columns=columns,
        statuses=dict(sorted(Counter(map(str, status)).items(), key=lambda pair: -pair[1])),
        spans=_spans(log),
    )


def _sentence(message: str, remedy: str) -> str:
    return f"{message} ({remedy})" if remedy else message


def _spans(log: Log) -> tuple[SpanCount, ...]:
    """Finished runs over time, in equal spans."""
    failed, at_us = _failed(log), log.as_of_us
    is_over = np.isfinite(failed)
    if not is_over.any():
        return ()
    first, last = int(at_us.min()), int(at_us.max())
    length = max((last - first) // SPANS + 1, 1)
    span = (at_us[is_over] - first) // length
    runs = np.bincount(span, minlength=SPANS)
    fails = np.bincount(span, weights=failed[is_over], minlength=SPANS)
    return tuple(
        SpanCount(from_us(first + at * length).isoformat(), int(runs[at]), int(fails[at]))
        for at in range(SPANS)
    )


def _failed(log: Log) -> Floats:
    """(N,): 1 or 0 by the latest outcome; NaN while it is open."""
    values, final = measure(log.facts, ["failed"]).table[:, 0], log.events.final
    return np.where(final >= 0, values[final], np.nan)


def _grouped(log: Log) -> GroupedRuns:
    failed = _failed(log)
    over = np.flatnonzero(np.isfinite(failed))
    labels = {part: log.executions[part].to_numpy(dtype=object)[over] for part in PARTS}
    return GroupedRuns(log.as_of_us[over], failed[over], labels)


def _share_of_newcomers(learned: Learned) -> float:
    """The share of future runs whose user had no run in the past part."""
    actors = learned.extract.data.actors
    tested = len(learned.tested)
    before = set(actors[: len(actors) - tested].tolist())
    return float(np.mean([actor not in before for actor in actors[-tested:].tolist()]))


def _commands(
    read: ReadLog, failures: Learned | None, durations: Learned | None, options: LookOptions
) -> Iterator[str]:
    """What to run next, with the newest run as the example."""
    source = read.source
    mapping = column_guess.as_options(source.mapping)
    yield "runlore up"
    yield shlex.join(["runlore", "ingest", source.format, str(source.path), *mapping])
    newest = read.log.executions.take(np.array([int(read.log.as_of_us.argmax())])).iloc[0]
    request = [
        argument
        for part in PARTS
        if newest[part]
        for argument in (f"--{part}", "NAME" if options.hides_names else str(newest[part]))
    ]
    if failures is not None:
        name = specs.FAILURE.name
        yield f"runlore train {name}"
        if failures.trained.verdict.passed:
            limit = float(np.quantile(failures.trained.test.prediction, 1 - TOP))
            yield shlex.join(["runlore", "gate", name, "--max", f"{limit:.2f}", *request])
    if durations is not None:
        yield f"runlore train {specs.DURATION.name}"
        if durations.trained.verdict.passed:
            syntax = source.format if source.format in LIMIT_SYNTAXES else "seconds"
            command = ["runlore", "limit", specs.DURATION.name, *request, "--format", syntax]
            yield shlex.join(command)


def as_document(findings: LookFindings) -> Mapping[str, object]:
    """The findings as plain values, for JSON; numbers that are unknown are null."""
    return {name: _plain(value) for name, value in asdict(findings).items()}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return round(value, 9) if np.isfinite(value) else None
    return value
