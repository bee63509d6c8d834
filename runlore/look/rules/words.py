"""What the findings mean, in sentences: the verdict, and what cannot be predicted."""

from collections.abc import Iterator, Mapping, Sequence
from math import isnan

from runlore.kernel.readable import readable_duration, readable_share
from runlore.look.rules.findings import (
    DurationFindings,
    FailureFindings,
    FileFindings,
    LimitFindings,
    Measured,
    StandOut,
)
from runlore.training.rules.leaks.leak import InputReport

PARTS = {"actor": "user", "kind": "kind", "scope": "on"}
MOST_KILLED = 0.02  # share of good runs that a limit worth a first line may end
# Why there is no answer where the log lacks what is to be predicted.
NOTHING_SAID = {
    "failed": "the log does not say how any run ended",
    "duration_s": "the log does not say how long any run took",
}
FEW_FAILURES = 50  # in the future part, below which intervals are wide


def shares(measured: Measured) -> str:
    """A share with its interval.

    >>> shares(Measured(0.2862, 0.262, 0.318, 100))
    '29 % (26 to 32 %)'
    """
    if isnan(measured.low):
        return readable_share(measured.value)
    low, high = readable_share(measured.low)[:-2], readable_share(measured.high)
    return f"{readable_share(measured.value)} ({low} to {high})"


def verdict(
    file: FileFindings,
    failure: FailureFindings | None,
    duration: DurationFindings | None,
    limits: Sequence[LimitFindings],
    unanswered: Mapping[str, str],
) -> Iterator[str]:
    """The first lines of the page."""
    if failure is not None:
        yield _failure_verdict(failure)
    if duration is not None:
        yield _duration_verdict(duration)
    for resource in ("time", "memory"):
        best = _best([one for one in limits if one.resource == resource])
        if best is not None:
            yield (
                f"{best.policy[:1].upper()}{best.policy[1:]} as the {resource} limit would have"
                f" saved {shares(best.saved)} of the requested {best.unit} and ended"
                f" {shares(best.killed)} of the good runs."
            )
    if failure is None and duration is None:
        yield f"Nothing can be predicted from this log of {file.runs:,} runs yet."
    yield from unanswered.values()


def no_answer(question: str, reason: str) -> str:
    """A sentence for a question that the log does not answer."""
    return f"It cannot be learned {question}: {reason}."


def unpredictable(
    file: FileFindings,
    failure: FailureFindings | None,
    duration: DurationFindings | None,
    inputs: InputReport,
    new_share: float,
) -> Iterator[str]:
    """What no model of this log says, and why."""
    if failure is not None:
        yield (
            f"{shares(failure.unforeseen)} of the {failure.unforeseen.n:,} failures looked no"
            " riskier than the average run: nothing that was known before them showed them."
        )
        if not failure.passed:
            yield "The model for failures may not be used: " + "; ".join(failure.reasons) + "."
        if failure.unforeseen.n < FEW_FAILURES:
            yield (
                f"The future part has only {failure.unforeseen.n} failures; the intervals are as"
                " wide as they are for that reason."
            )
    if duration is not None and not duration.passed:
        yield "The model for durations may not be used: " + "; ".join(duration.reasons) + "."
    if new_share > 0:
        yield (
            f"{readable_share(new_share)} of the future runs are of users who had no run before:"
            " for them there is only the average."
        )
    for decision in inputs.leaks:
        yield (
            f"The input {decision.leak.input} was left out: it {decision.leak.evidence}. What is"
            " only known afterwards predicts nothing."
        )
    unknown = file.statuses.get("unknown", 0)
    if unknown:
        yield f"Of {unknown:,} runs the log does not say how they ended: they count as failed."
    if file.rejected:
        yield f"{file.rejected:,} rows could not be read; see the reasons at the top."


def group_name(one: StandOut) -> str:
    """A group with its part, unless its name begins with that.

    >>> group_name(StandOut("actor", "user7", Measured(0.5, 0.4, 0.6, 90), 0.2, 0.01))
    'user7'
    """
    part = PARTS[one.part]
    return one.name if one.name.lower().startswith(part) else f"{part} {one.name}"


def _failure_verdict(failure: FailureFindings) -> str:
    top, simple = failure.top, failure.top_simple
    start = f"{shares(failure.base_rate)} of the future runs failed."
    if not failure.passed and not failure.auc_gain.low > 0:
        return (
            f"{start} No model told them before the run better than the user's recent failure rate"
            f" does: that finds {shares(simple)} of the failures among the riskiest 10 %."
        )
    found = (
        f"{start} Before the run, the riskiest 10 % by the model hold {shares(top)} of the"
        f" failures; by the user's recent failure rate, {shares(simple)}."
    )
    return found if failure.passed else f"{found} It may not be used yet: see why below."


def _duration_verdict(duration: DurationFindings) -> str:
    first = duration.rivals[0] if duration.rivals else None
    beside = f", beside {first.accuracy.value:.2f} for {first.name}" if first else ""
    start = "Durations" if duration.passed else "No model for durations may be used yet:"
    said = "are predicted with" if duration.passed else "it has"
    return (
        f"{start} {said} a relative accuracy of {duration.accuracy.value:.2f}"
        f" ({duration.accuracy.low:.2f} to {duration.accuracy.high:.2f}){beside}; the mean error"
        f" is {readable_duration(duration.mae_s.value)}."
    )


def _best(limits: Sequence[LimitFindings]) -> LimitFindings | None:
    """The limit that saves most of those that end few good runs; None: none saves anything."""
    saving = [one for one in limits if one.saved_amount > 0]
    mild = [one for one in saving if one.killed.value <= MOST_KILLED]
    if mild:
        return max(mild, key=lambda one: one.saved_amount)
    return min(saving, key=lambda one: one.killed.value, default=None)
