"""An estimate of a kind, with the promise that was learned from the whole log."""

from dataclasses import dataclass, replace

from runlore.kernel.readable import readable_share
from runlore.planning.rules.estimator import AmountEstimate
from runlore.planning.rules.promises.promise_model import LogAnswer
from runlore.planning.rules.promises.scores import PromiseScores


@dataclass(frozen=True)
class LogPromise:
    """threshold: the probability from which promises are made; None: none is. scores: of the kind.

    past: how many estimates of all kinds the threshold was chosen on; kept: of those above it, what
    came true.
    """

    threshold: float | None
    past: int
    kept: float | None
    scores: PromiseScores


def with_log_promise(
    estimate: AmountEstimate, kind_mae: float, promise: LogPromise, answer: LogAnswer
) -> AmountEstimate:
    """Take over the promise; value and quantiles, too, if promised or of the smaller error."""
    made = replace(
        estimate,
        within_15=answer.probability,
        is_promised=answer.is_promised,
        reason=_reason(promise, answer),
    )
    if answer.is_promised or promise.scores.mae < kind_mae:
        known = {level: answer.quantiles[level] for level in estimate.quantiles}
        return replace(made, value=answer.value, quantiles=known)
    return made


def _reason(promise: LogPromise, answer: LogAnswer) -> str:
    if promise.threshold is None:
        return (
            f"no promise: of {promise.past} past estimates, no group came surely within 15 % in"
            " 80 % of cases"
        )
    if answer.is_promised:
        return (
            f"promised: {readable_share(promise.kept or 0)} of such past estimates came within 15 %"
        )
    return (
        f"no promise: the truth lies within 15 % with {readable_share(answer.probability)}, and"
        f" promises were kept from {readable_share(promise.threshold)} on"
    )
