"""A rollout as people read it: what is known of each metric, what is missing, what happened."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import reduce
from itertools import groupby
from typing import Any

from runlore.experiments.rules.outcome_metric import Metric, Statistics
from runlore.experiments.rules.sketch import Sketch
from runlore.kernel.conclusion import NOTHING_TO_DO, Conclusion
from runlore.kernel.json_values import as_json
from runlore.kernel.moments import Moments
from runlore.rollout.actions import rollout_state
from runlore.rollout.actions.steps import RolloutLook
from runlore.rollout.queries.rollouts import RecordedDecision
from runlore.rollout.rules import expected_time
from runlore.rollout.rules.evidence import CHALLENGER, CHAMPION, RolloutEvidence
from runlore.rollout.rules.ramp import MetricReading


@dataclass(frozen=True)
class MetricLine:
    """A metric over the whole rollout. units, values: of champion and challenger.

    beyond: from .. to, what the challenger loses beyond what is tolerated; below 0 it loses less.
    before_next: the same beyond what is tolerated before the next step. None: unknown.
    """

    metric: str
    role: str
    units: tuple[int, int]
    values: tuple[float | None, float | None]
    beyond: tuple[float | None, float | None]
    before_next: tuple[float | None, float | None]
    answer: str


@dataclass(frozen=True)
class DecisionRun:
    """Equal decisions in a row. reasons: those of the last one."""

    first_at: datetime
    last_at: datetime
    times: int
    action: str
    step: int
    actor: str
    is_alert: bool
    reasons: Sequence[str]


def lines(look: RolloutLook) -> list[MetricLine]:
    """List a line for each metric; empty without evidence."""
    if look.evidence is None or look.decision is None:
        return []
    metrics = {metric.name: metric for metric in look.state.policy.metrics}
    return [
        _line(metrics[reading.metric], reading, look.evidence) for reading in look.decision.readings
    ]


def missing(look: RolloutLook) -> Sequence[str]:
    """List what the next step waits for; empty when it waits for nothing."""
    if look.decision is None or look.decision.action != "hold":
        return ()
    return look.decision.reasons


def expected_at(look: RolloutLook) -> datetime | None:
    """When the next step can be expected; None where that cannot be foreseen."""
    if look.evidence is None or look.decision is None or look.state.is_over or look.state.paused_by:
        return None
    return expected_time.next_step_at(look.state.policy, look.evidence, look.decision)


def spans(history: Sequence[RecordedDecision]) -> list[DecisionRun]:
    """Group equal decisions in a row, oldest first."""
    periods = []
    for _, group in groupby(
        history, lambda decision: (decision.action, decision.step, decision.actor)
    ):
        entries = list(group)
        newest = entries[-1]
        periods.append(
            DecisionRun(
                first_at=entries[0].at,
                last_at=newest.at,
                times=len(entries),
                action=newest.ordered or newest.action,
                step=newest.step,
                actor=newest.actor,
                is_alert=any(decision.is_alert for decision in entries),
                reasons=newest.reasons,
            )
        )
    return periods


def conclude(look: RolloutLook) -> Conclusion:
    """How the rollout stands, and whether a person has to do anything."""
    state, spec = look.state, look.state.rollout.spec
    if state.is_over:
        return Conclusion(f"{headline(look)}.", NOTHING_TO_DO)
    if state.paused_by:
        resume = f'`runlore rollout override {spec} resume --reason "WHY"`'
        return Conclusion(f"{headline(look)}.", f"It waits for a person: {resume}.")
    if state.newest.is_alert or (look.decision is not None and look.decision.alert):
        history = f"`runlore rollout history {spec}`"
        return Conclusion(f"{headline(look)}.", f"A person should look: {history}.")
    waits = missing(look)
    if waits:
        advice = f"Wait; the next step needs: {waits[0]}.{_expected(look)}"
        return Conclusion(f"{headline(look)}.", advice)
    return Conclusion(f"{headline(look)}.", "Nothing to do: it steps by itself.")


def document(look: RolloutLook) -> dict[str, Any]:
    """Return the rollout as JSON."""
    content = {**asdict(conclude(look)), **rollout_state.as_json(look.state)}
    content["metrics"] = [asdict(line) for line in lines(look)]
    content["missing"] = list(missing(look))
    content["expected_at"] = as_json(expected_at(look))
    if look.decision is not None:
        content["now"] = {"action": look.decision.action, "reasons": list(look.decision.reasons)}
        content["sample_ratio"] = as_json(look.decision.sample_ratio)
    return content


def _expected(look: RolloutLook) -> str:
    at = expected_at(look)
    return "" if at is None else f" Expected about {at:%Y-%m-%d %H:%M} UTC."


def headline(look: RolloutLook) -> str:
    state, of = look.state, look.state.rollout
    versions = f"version {of.challenger} against {of.champion}"
    if state.is_over:
        ended = "became the champion" if state.newest.action == "promote" else "lost its units"
        return f"{of.spec}: {versions}: it {ended} on {state.newest.at:%Y-%m-%d %H:%M} UTC"
    paused = f", held by {state.paused_by.actor}" if state.paused_by else ""
    return (
        f"{of.spec}: {versions}: {state.step} % of every {of.unit} since "
        f"{state.step_began_at:%Y-%m-%d %H:%M} UTC{paused}"
    )


def markdown(look: RolloutLook) -> str:
    """The same for a page: headline, metrics, what is missing, the timeline."""
    parts = [f"## {headline(look)}", "", conclude(look).advice, ""]
    known = lines(look)
    if known:
        parts += ["| metric | champion | challenger | beyond what is tolerated | |", "|-|-|-|-|-|"]
        parts += [
            f"| {line.metric} | {number(line.values[0])} | {number(line.values[1])} "
            f"| {interval(line.beyond)} | {line.answer} |"
            for line in known
        ]
    parts += ["", *(f"- {reason}" for reason in look.state.newest.reasons), "", "### Timeline", ""]
    parts += ["| from | to | share | what | by | why |", "|-|-|-|-|-|-|"]
    parts += [
        f"| {period.first_at:%Y-%m-%d %H:%M} | {period.last_at:%H:%M} | {period.step} % "
        f"| {words(period)} | {period.actor} | {'; '.join(period.reasons)} |"
        for period in spans(look.state.history)
    ]
    return "\n".join(parts)


def words(span: DecisionRun) -> str:
    return span.action + (f" ({span.times} times)" if span.times > 1 else "")


def number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def interval(ends: tuple[float | None, float | None]) -> str:
    low, high = ends
    return "unknown" if low is None or high is None else f"{low:.3g} to {high:.3g}"


def _line(metric: Metric, reading: MetricReading, evidence: RolloutEvidence) -> MetricLine:
    pairs = evidence.pairs(metric) if not reading.fault else ()
    arms = [reduce(_merged, arm) for arm in zip(*pairs, strict=True)] if pairs else []
    champion, challenger = arms if len(arms) == len((CHAMPION, CHALLENGER)) else (None, None)
    return MetricLine(
        metric=metric.name,
        role=metric.role,
        units=(champion.n if champion else 0, challenger.n if challenger else 0),
        values=(_value(metric, champion), _value(metric, challenger)),
        beyond=(as_json(reading.beyond.low), as_json(reading.beyond.high)),
        before_next=(as_json(reading.before_next.low), as_json(reading.before_next.high)),
        answer=_answer(reading),
    )


def _merged(one: Statistics, other: Statistics) -> Statistics:
    if isinstance(one, Moments) and isinstance(other, Moments):
        return one.merged(other)
    if isinstance(one, Sketch) and isinstance(other, Sketch):
        return one.merged(other)
    raise TypeError(f"{type(one)} and {type(other)} are not of one metric")


def _value(metric: Metric, statistics: Statistics | None) -> float | None:
    if statistics is None or not statistics.n:
        return None
    if isinstance(statistics, Sketch):
        return statistics.quantile(metric.quantile)
    if metric.kind == "ratio":
        return statistics.means[0] / statistics.means[1] if statistics.means[1] else None
    return statistics.means[0]


def _answer(reading: MetricReading) -> str:
    if reading.fault:
        return reading.fault
    if reading.role == "signal":
        return "has moved" if reading.is_broken else "has not moved"
    if reading.is_broken:
        return "worse than tolerated"
    if reading.waits_for_outcomes:
        return "outcomes come late"
    if reading.next_step == "kept":
        return "better" if reading.is_better else "good enough for the next step"
    return "not known well enough"
