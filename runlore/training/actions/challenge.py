"""Compare a new version with the champion on executions that neither has learned from."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runlore.features import mapped_arrays, matrix
from runlore.kernel.instants import from_us
from runlore.log.executions import read_facts
from runlore.models.bundle import Bundle
from runlore.specs.model_spec import LEAST_COMPARED, LEAST_COMPARED_DAYS, ModelSpec
from runlore.store.engine import Store
from runlore.training.actions.extraction import TrainingExtract, members
from runlore.training.rules.evidence import compare
from runlore.training.rules.gain import LEAST_BUSY_DAYS, is_long_enough, span_days
from runlore.training.rules.gates import ScoreInterval, number
from runlore.training.rules.trained import TestPart, Trained

if TYPE_CHECKING:
    from runlore.registry import Registry, VersionRef


@dataclass(frozen=True)
class ChallengeResult:
    """The comparison of a new version with the champion.

    rows: how many executions both answered, submitted between `since` and `until`. gain: of the new
    version over the champion in `score`, above 0 is better, with the 95 % interval of the
    difference on the same rows.
    """

    champion: str
    score: str
    rows: int
    since: str
    until: str
    ours: ScoreInterval
    theirs: ScoreInterval
    gain: ScoreInterval
    least_gain: float
    passed: bool
    reason: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def challenge(
    store: Store,
    champion: "VersionRef",
    registry: "Registry",
    extracted: TrainingExtract,
    trained: Trained,
) -> ChallengeResult:
    """Compare both on the test part, from the instant on after which neither has learned.

    It is passed when the interval of the gain lies above the spec's `least_gain`, and these
    executions span a week: a shorter comparison has to wait for more.
    """
    bundle = registry.load(champion)
    since_us = max(trained.test_us, bundle.description["training"]["test_us"])
    part = _part(store, bundle, extracted, trained, since_us)
    return compare_versions(trained.spec, champion.version, part, since_us)


def _part(
    store: Store, bundle: Bundle, extracted: TrainingExtract, trained: Trained, since_us: int
) -> TestPart | None:
    """The common test rows, with the champion's answers in the baseline's place."""
    test = trained.test
    common = test.as_of_us >= since_us
    if bundle.question != trained.spec.question or common.sum() < LEAST_COMPARED:
        return None
    log = matrix.prepare(
        read_facts(store, until_seq=extracted.until_seq, sources=extracted.sources)
    )
    first = np.searchsorted(extracted.data.as_of_us, trained.test_us)
    tested = members(log, trained.spec)[first : first + len(common)]
    rows, _ = matrix.extract(log, bundle.plan, tested[common])
    del log
    mapped_arrays.trim()
    theirs = bundle.predict(rows).prediction
    return _cut(test, common, theirs)


def _cut(test: TestPart, common: NDArray[np.bool_], theirs: NDArray[np.float64]) -> TestPart:
    return TestPart(
        as_of_us=test.as_of_us[common],
        rows=test.rows[common],
        target=test.target[common],
        prediction=test.prediction[common],
        baseline=theirs,
    )


def compare_versions(
    spec: ModelSpec, champion: str, part: TestPart | None, since_us: int
) -> ChallengeResult:
    """Compare on a test part that has the champion's answers in the baseline's place."""
    score, least = spec.select_by, spec.retraining.least_gain
    unknown = ScoreInterval(np.nan, np.nan, np.nan)
    ours = theirs = gain = unknown
    until_us, rows = since_us, 0
    if part is not None:
        evidence = compare(spec, part)
        ours, theirs = evidence.candidate[score], evidence.baseline[score]
        gain, rows, until_us = evidence.gains[score], len(part.target), int(part.as_of_us[-1])
    passed = bool(gain.low > least) and part is not None and is_long_enough(part.as_of_us)
    reason = (
        f"{score} {ours} against {theirs} of champion {champion} on {rows:,} executions that"
        f" neither has learned from; better by {gain}, and that interval must lie above"
        f" {number(least)}: {'yes' if passed else 'no'}"
    )
    return ChallengeResult(
        champion=champion,
        score=score,
        rows=rows,
        since=from_us(since_us).isoformat(),
        until=from_us(until_us).isoformat(),
        ours=ours,
        theirs=theirs,
        gain=gain,
        least_gain=least,
        passed=passed,
        reason=_obstacle(champion, part) or reason,
    )


def _obstacle(champion: str, part: TestPart | None) -> str:
    """Why the comparison has to wait, or cannot be made at all; empty where nothing is missing."""
    if part is None:
        return (
            f"could not be compared with champion {champion}: fewer than {LEAST_COMPARED}"
            " executions that neither has learned from, or they answer different questions"
        )
    if is_long_enough(part.as_of_us):
        return ""
    return (
        f"too early to compare with champion {champion}: the {len(part.target):,} executions that"
        f" neither has learned from span {number(span_days(part.as_of_us))} days; train again once"
        f" they span {LEAST_COMPARED_DAYS}, with executions on {LEAST_BUSY_DAYS} of these days"
    )
