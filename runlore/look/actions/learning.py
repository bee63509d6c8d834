"""Learn from the past part of a log in memory, and answer for its future part."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.features.columns import measure, numbers
from runlore.features.log import Log
from runlore.kernel.instants import from_us
from runlore.look.rules import durations, risk
from runlore.look.rules.findings import (
    DurationFindings,
    FailureFindings,
    HeldLevel,
    Measured,
    Rival,
)
from runlore.look.rules.refusals import refusals
from runlore.performance.rules.limit_replay import PastRuns
from runlore.specs.model_spec import ModelSpec, Quantity, Score
from runlore.training.actions.extraction import TrainingExtract, extract_log, members
from runlore.training.rules import fitting
from runlore.training.rules.gates import CalibrationInterval, ScoreInterval
from runlore.training.rules.split import divide
from runlore.training.rules.trained import Trained

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Say = Callable[[str], None]

# The names under which logs have what a user requested, the best first.
REQUESTED_TIMES = ("requested_time_s", "timelimit_s", "time_limit_s", "walltime_s")
REQUESTED_MEMORY = ("memory_bytes", "requested_memory_bytes")
ACTOR_GUESS = "the mean of the user's last ten runs"
REQUEST_GUESS = "what the user requested"
MEDIAN_GUESS = "the median of all past runs"


@dataclass(frozen=True)
class Learned:
    """A spec trained on the past part of a log. tested: (t,), the runs of the future part, as
    positions in the log."""

    log: Log
    extract: TrainingExtract
    trained: Trained
    tested: Ints


def learn(log: Log, spec: ModelSpec, say: Say) -> Learned:
    """Extract, fit and test a spec. Raises Refused where the log is too short or has one answer."""
    extracted = extract_log(log, spec)
    trained = fitting.fit(extracted.spec, extracted.data, extracted.plan, say)
    division = divide(extracted.spec, extracted.data)
    return Learned(log, extracted, trained, members(log, spec)[division.test])


def failure_findings(learned: Learned) -> FailureFindings:
    """What the answers for the future part say about failures."""
    trained, test = learned.trained, learned.trained.test
    failed, ours, simple = test.target, test.prediction, test.baseline
    evidence = trained.evidence
    return FailureFindings(
        candidate=trained.kind,
        train_rows=trained.train_rows,
        test_rows=len(failed),
        test_from=from_us(trained.test_us).isoformat(),
        base_rate=risk.base_rate(test.as_of_us, failed),
        auc=_measured(evidence.candidate, "auc", len(failed)),
        auc_simple=_measured(evidence.baseline, "auc", len(failed)),
        auc_gain=_measured(evidence.gains, "auc", len(failed)),
        top=risk.top_share(test.as_of_us, failed, ours),
        top_simple=risk.top_share(test.as_of_us, failed, simple),
        unforeseen=risk.unforeseen(test.as_of_us, failed, ours),
        gain=risk.gain(test.as_of_us, failed, ours, simple),
        groups=risk.risk_groups(failed, ours),
        calibration_error=_measured(evidence.candidate, "calibration_error", len(failed)),
        calibration_chance=_chance(evidence.candidate),
        passed=trained.verdict.passed,
        reasons=_reasons(trained),
    )


def duration_findings(learned: Learned) -> DurationFindings:
    """What the answers for the future part say about durations."""
    trained, test = learned.trained, learned.trained.test
    at_us, actual, ours = test.as_of_us, test.target, test.prediction
    coverage = Measured(float("nan"), float("nan"), float("nan"), len(actual))
    if test.low is not None and test.high is not None:
        coverage = durations.coverage(at_us, actual, test.low, test.high)
    question = trained.spec.question
    return DurationFindings(
        candidate=trained.kind,
        train_rows=trained.train_rows,
        test_rows=len(actual),
        test_from=from_us(trained.test_us).isoformat(),
        median_s=float(np.median(actual)),
        accuracy=durations.accuracy(at_us, actual, ours),
        mae_s=durations.error_s(at_us, actual, ours),
        rivals=_rivals(learned),
        coverage=coverage,
        meant=question.coverage if isinstance(question, Quantity) else float("nan"),
        levels=tuple(
            HeldLevel(one.level, Measured(one.share.value, one.share.low, one.share.high, one.rows))
            for one in trained.coverage
        ),
        passed=trained.verdict.passed,
        reasons=_reasons(trained),
    )


def _reasons(trained: Trained) -> tuple[str, ...]:
    """Why the model may be used, as its gates say it, or in words why not."""
    failed = tuple(refusals(trained.gates, trained.evidence))
    return failed or trained.verdict.reasons


def past_runs(log: Log, value: str) -> PastRuns:
    """All runs of a log with the latest known value of each, such as `duration_s`."""
    values, final = measure(log.facts, [value]).table[:, 0], log.events.final
    known_us = log.facts["known_at"].to_numpy(dtype=np.int64)
    has = final >= 0
    return PastRuns(
        actor=log.executions["actor"].to_numpy(dtype=object),
        submitted_us=log.as_of_us,
        known_us=np.where(has, known_us[final], 0),
        needed=np.where(has, values[final], np.nan),
    )


def requested(log: Log, names: tuple[str, ...]) -> Floats | None:
    """(N,): what users requested, NaN where that is not known; None: the log has no such input."""
    for name in names:
        if name in log.inputs:
            values = numbers(log.inputs[name])
            values = np.where(values > 0, values, np.nan)
            if np.isfinite(values).any():
                return values
    return None


def _rivals(learned: Learned) -> tuple[Rival, ...]:
    test, tested = learned.trained.test, learned.tested
    guesses = {ACTOR_GUESS: durations.mean_of_last(past_runs(learned.log, "duration_s"))[tested]}
    request = requested(learned.log, REQUESTED_TIMES)
    if request is not None:
        guesses = {REQUEST_GUESS: request[tested], **guesses}
    past = learned.extract.data.target[: len(learned.extract.data) - len(tested)]
    guesses[MEDIAN_GUESS] = np.full(len(tested), np.median(past))
    rivals = (
        durations.rival(name, test.as_of_us, test.target, test.prediction, guess)
        for name, guess in guesses.items()
    )
    return tuple(one for one in rivals if one is not None)


def _chance(scores: Mapping[Score, ScoreInterval]) -> float:
    error = scores.get("calibration_error")
    return error.chance if isinstance(error, CalibrationInterval) else float("nan")


def _measured(scores: Mapping[Score, ScoreInterval], score: Score, n: int) -> Measured:
    one = scores.get(score)
    if one is None:
        return Measured(float("nan"), float("nan"), float("nan"), n)
    return Measured(one.value, one.low, one.high, n)
