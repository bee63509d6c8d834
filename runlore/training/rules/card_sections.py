"""The contents of a model card, and its sections as lines of Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite, sqrt

from runlore.kernel.instants import to_us
from runlore.kernel.readable import readable_duration
from runlore.models.explain import GroupImportance, Importance
from runlore.models.relative_errors import RelativeErrors
from runlore.models.score_names import display
from runlore.records.validate import EARLIEST_US
from runlore.specs.model_spec import (
    HIGHER_IS_BETTER,
    CandidateKind,
    ModelSpec,
    Probability,
    Quantity,
    Score,
)
from runlore.training.rules.gates import (
    CalibrationInterval,
    GateEvidence,
    GateVerdict,
    ScoreInterval,
    number,
    score_text,
)
from runlore.training.rules.leaks.leak import NOTHING_LEFT_OUT, InputReport
from runlore.training.rules.trained import LevelCoverage, SliceScores

PICTURES = {
    "calibration": "Calibration: what was predicted, and what came",
    "candidates": "The test score of every candidate",
    "coverage": "How often the intervals held",
    "gain": "The share of events among the highest predictions",
    "importance": "What the predictions depend on",
    "residuals": "What was predicted, and what came",
    "score-over-time": "The score week by week",
}
UNCOVERED = 0.05  # a smaller lack of coverage is not worth a line
SURE_ERRORS = 3.0  # standard errors, as neighbouring rows are alike


@dataclass(frozen=True)
class DataPeriod:
    """Executions submitted from `first` to `last`."""

    rows: int
    first: datetime
    last: datetime

    def __str__(self) -> str:
        if to_us(self.last) == EARLIEST_US:
            return f"{self.rows:,} executions without times"
        first, last = (f"{at:%Y-%m-%d %H:%M}" for at in (self.first, self.last))
        return f"{self.rows:,} executions, {first} to {last} UTC"


@dataclass(frozen=True)
class CardContents:
    """The contents of a card. validation, test: scores of every candidate.

    is_simulated: the data are simulated. pictures: the addresses of figures, by their names.
    errors: of the candidate and of the baseline, where the target is a quantity.
    """

    spec: ModelSpec
    candidate: CandidateKind
    verdict: GateVerdict
    evidence: GateEvidence
    validation: Mapping[CandidateKind, Mapping[Score, float]]
    test: Mapping[CandidateKind, Mapping[Score, float]]
    slices: Sequence[SliceScores]
    importance: Sequence[Importance]
    trained_on: DataPeriod
    tested_on: DataPeriod
    data_digest: str
    code_version: str
    is_simulated: bool = False
    sources: tuple[str, ...] = ()
    inputs: InputReport = NOTHING_LEFT_OUT
    coverage: Sequence[LevelCoverage] = ()
    joint: Sequence[GroupImportance] = ()
    errors: tuple[RelativeErrors, RelativeErrors] | None = None
    pictures: Mapping[str, str] = field(default_factory=dict)


def _cap(facts: CardContents) -> str:
    """Say that older executions were left out, where they were."""
    most = facts.spec.split.max_rows
    if facts.trained_on.rows < most:
        return ""
    return f"; older ones were left out (the spec's `max_rows` is {most:,})"


def head(facts: CardContents) -> Iterator[str]:
    passed = "passed its gates" if facts.verdict.passed else "refused by its gates"
    yield f"# {facts.spec.name}: {facts.candidate}, {passed}"
    yield ""
    if facts.is_simulated:
        yield "**Trained on simulated data: its scores say nothing about real work.**"
        yield ""
    yield f"- Answers: {question(facts.spec)}"
    yield f"- Learned from: {facts.trained_on}{_cap(facts)}"
    yield f"- Tested on: {_tested_on(facts)}"
    if facts.sources:
        only = " only" if facts.spec.population.sources else ""
        yield f"- Sources{only}: {', '.join(facts.sources)}"
    yield f"- Data digest: `{facts.data_digest}`"
    if facts.code_version:
        yield f"- Code: Runlore {facts.code_version}"


def _tested_on(facts: CardContents) -> str:
    split = facts.spec.split
    if split.is_by_time:
        return f"{facts.tested_on}; none of it was used to fit or to choose"
    return (
        f"the same executions, by {split.repeats} × {split.folds}-fold cross-validation: each is"
        " held out in turn, and everything is fitted and chosen anew without it"
    )


def question(spec: ModelSpec) -> str:
    """What a model of this spec predicts, as the end of a sentence."""
    target, kinds = spec.question, ", ".join(spec.population.kinds)
    of = f"`{target.of}` of an execution" + (f" of kind {kinds}" if kinds else "")
    if isinstance(target, Probability):
        return f"the probability of {of}, at its submission"
    held = number(100 * target.coverage)
    return f"{of} in {target.unit}, at its submission, with an interval meant to hold {held} %"


def scores(facts: CardContents) -> Iterator[str]:
    split = facts.spec.split
    if split.is_by_time:
        yield "## Scores on the test part"
        yield ""
        yield "In brackets, 95 % intervals: of scores by bootstrap over blocks of time, of gains by"
        yield "Student's t over blocks of two days or more (Ibragimov & Müller 2010)."
    else:
        yield "## Scores on held-out parts"
        yield ""
        yield f"Means over {split.repeats * split.folds} held-out parts. In brackets, 95 %"
        yield "intervals by the corrected resampled t (Nadeau & Bengio 2003; Bouckaert & Frank"
        yield "2004); of calibration errors, by bootstrap, of their gains by Student's t over rows."
        yield "Gates are judged by these intervals."
    yield ""
    yield from table(
        ("score", "model", "baseline", "better than the baseline by"),
        [
            (
                f"{display(score)} ({_better(score)})",
                _interval(score, measured, facts.spec),
                _interval(score, facts.evidence.baseline.get(score), facts.spec),
                _interval(score, facts.evidence.gains.get(score), facts.spec),
            )
            for score, measured in facts.evidence.candidate.items()
        ],
    )
    yield from pictures(facts, "calibration", "gain", "residuals", "coverage", "score-over-time")


def pictures(facts: CardContents, *names: str) -> Iterator[str]:
    """The figures of these names that there are, each a paragraph."""
    for name in names:
        if name in facts.pictures:
            yield ""
            yield f"![{PICTURES[name]}]({facts.pictures[name]})"


def _better(score: Score) -> str:
    if score == "coverage":
        return "as meant is best"
    return "higher is better" if score in HIGHER_IS_BETTER else "lower is better"


def _interval(score: Score, measured: ScoreInterval | None, spec: ModelSpec) -> str:
    if measured is None:
        return "–"
    value, low, high = (
        shown(score, one, spec) for one in (measured.value, measured.low, measured.high)
    )
    if isinstance(measured, CalibrationInterval):
        return f"{value} ({low} to {high}); chance alone gives {number(measured.chance)}"
    return f"{value} ({low} to {high})"


def verdict(facts: CardContents) -> Iterator[str]:
    yield "## Verdict"
    yield ""
    yield "It may serve:" if facts.verdict.passed else "It may not serve:"
    yield ""
    yield from (f"- {reason}" for reason in facts.verdict.reasons)


def levels(facts: CardContents) -> Iterator[str]:
    """How often each quantile held on the test part; nothing for a probability."""
    if not facts.coverage:
        return
    yield "## Quantiles on the test part"
    yield ""
    yield "An outcome should not exceed the quantile at a level as often as the level says."
    yield ""
    rows = [(f"{held.level:g}", f"{held.rows:,}", str(held.share)) for held in facts.coverage]
    yield from table(("level", "executions", "share of outcomes not above it"), rows)


def limits(facts: CardContents) -> Iterator[str]:
    """The limits of the numbers; there is always at least one."""
    yield "## Limits"
    yield ""
    if facts.spec.split.is_by_time:
        yield (
            f"- The scores are of {_tested(facts)} by time, one stretch from "
            f"{facts.tested_on.first:%Y-%m-%d} to {facts.tested_on.last:%Y-%m-%d}. "
            "Other times differ."
        )
    else:
        yield "- Order in time played no part: the scores say nothing about work of another time."
    worse = list(_worse(facts))
    yield from worse
    if not worse and facts.slices:
        yield "- In no group with enough executions is it worse than the baseline."
    yield "- Groups with too few executions in the test part are not scored at all."
    if facts.spec.is_probability:
        yield "- Calibration holds over all executions together, not in every group."
    else:
        yield from _uncovered(facts)
        yield "- Intervals hold over all executions together, not in every group."
    yield "- It tells what tends to follow, not what causes it."


def _tested(facts: CardContents) -> str:
    most = facts.spec.split.most_test_rows
    if most is not None and facts.tested_on.rows >= most:
        return f"the newest {facts.tested_on.rows:,} executions"
    return f"the last {number(100 * facts.spec.split.test_share)} %"


def _worse(facts: CardContents) -> Iterator[str]:
    score = facts.spec.select_by
    for group in facts.slices:
        ours, theirs = group.scores.get(score), group.baseline.get(score)
        if ours is None or theirs is None or not (isfinite(ours) and isfinite(theirs)):
            continue
        if (ours < theirs) if score in HIGHER_IS_BETTER else (ours > theirs):
            yield (
                f"- Worse than the baseline for {_group(group)} ({group.rows:,} executions): "
                f"{display(score)} {shown(score, ours, facts.spec)}, "
                f"baseline {shown(score, theirs, facts.spec)}."
            )


def _uncovered(facts: CardContents) -> Iterator[str]:
    """The groups whose intervals hold surely less often than over all executions."""
    assert isinstance(facts.spec.question, Quantity)  # noqa: S101  (the caller's branch)
    meant = facts.spec.question.coverage
    for group in facts.slices:
        held = group.scores.get("coverage", meant)
        error = sqrt(meant * (1 - meant) / group.rows)
        if held < meant - max(UNCOVERED, SURE_ERRORS * error):
            yield (
                f"- Intervals held {number(100 * held)} % of the outcomes of {_group(group)}"
                f" ({group.rows:,} executions), not {number(100 * meant)} %."
            )


def _group(group: SliceScores) -> str:
    label = group.label.replace("`", "'") or "(none)"
    return f"{group.slice} `{label}`"


def leaks(facts: CardContents) -> Iterator[str]:
    """The inputs that give the outcome away; nothing where there are none."""
    if not facts.inputs.leaks:
        return
    yield "## Inputs that give the outcome away"
    yield ""
    yield "The model reads none of these but those that a person has accepted."
    yield ""
    for decision in facts.inputs.leaks:
        yield f"- {_quoted(decision.leak.input)} {decision.leak.evidence}: **{decision.done}**"


def texts(facts: CardContents) -> Iterator[str]:
    """The inputs that are free text; nothing where there are none."""
    if not facts.inputs.texts:
        return
    yield "## Free text"
    yield ""
    yield "These inputs are sentences, or nearly all different. Nothing that is stored with the"
    yield "model holds any of their text. Those that make validation scores better are read as"
    yield "numbers, by hashes of their words."
    yield ""
    for name in facts.inputs.texts:
        done = "read by hashes of its words" if name in facts.inputs.hashed else "left out"
        yield f"- {_quoted(name)}: {done}"


def _quoted(name: str) -> str:
    plain = " ".join(name.replace("`", "'").split())
    return f"`{plain}`"


def candidates(facts: CardContents) -> Iterator[str]:
    select = facts.spec.select_by
    scores = list(next(iter(facts.test.values()), {}))
    yield "## Candidates"
    yield ""
    if facts.spec.split.is_by_time:
        yield (
            f"Chosen by {display(select)} on walk-forward validation rows of the "
            "training part. The test part had no say in it."
        )
    else:
        yield (
            f"Chosen by {display(select)} by cross-validation inside all that teaches; "
            "in each round, inside its training part. Scores are means over the rounds."
        )
    yield ""
    yield from table(
        ("candidate", f"validation: {display(select)}", *(display(s) for s in scores)),
        [
            (
                f"**{kind}**" if kind == facts.candidate else kind,
                shown(select, facts.validation.get(kind, {}).get(select), facts.spec),
                *(shown(score, test_scores.get(score), facts.spec) for score in scores),
            )
            for kind, test_scores in facts.test.items()
        ],
    )
    yield from pictures(facts, "candidates")
    if left_out := [kind for kind in facts.spec.candidates if kind not in facts.test]:
        yield ""
        yield f"Left out, because they could not be fitted: {', '.join(left_out)}."


def groups(facts: CardContents) -> Iterator[str]:
    if not facts.slices:
        return
    scores = list(facts.slices[0].scores)
    select = facts.spec.select_by
    yield "## Groups"
    yield ""
    yield from table(
        (
            "group",
            "executions",
            *(display(score) for score in scores),
            f"baseline: {display(select)}",
        ),
        [
            (
                _group(group),
                f"{group.rows:,}",
                *(shown(score, group.scores.get(score), facts.spec) for score in scores),
                shown(select, group.baseline.get(select), facts.spec),
            )
            for group in facts.slices
        ],
    )


def making(facts: CardContents) -> Iterator[str]:
    split = facts.spec.split
    early = f" or less than {readable_duration(split.gap_s)} before" if split.gap_s else ""
    yield "## How it was made"
    yield ""
    yield f"- By `runlore train {facts.spec.name}`, with fixed seeds."
    yield "- A feature is what was known when an execution was submitted; later news is not in it."
    if split.is_by_time:
        yield f"- Outcomes known only after the test part began{early} taught nothing."
        yield f"- {split.folds} walk-forward windows inside the training part chose and calibrated."
    else:
        yield "- The version learned from all executions; the rounds of cross-validation judged it."
    if facts.verdict.passed:
        yield "- Kept as ONNX, which answers, and as skops, to inspect. Nothing is pickled."


def shown(score: Score, value: float | None, spec: ModelSpec) -> str:
    unit = "" if isinstance(spec.question, Probability) else spec.question.unit
    return "–" if value is None or not isfinite(value) else score_text(score, value, unit)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The first column is text, the others are numbers."""
    yield _row(head)
    yield "|---|" + "---:|" * (len(head) - 1)
    yield from map(_row, rows)


def _row(cells: Sequence[str]) -> str:
    plain = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(plain)} |"
