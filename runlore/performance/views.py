"""What `runlore performance` says first: is the version good enough, and what to do if not."""

from datetime import datetime

from runlore.kernel.conclusion import NOTHING_TO_DO, Conclusion
from runlore.kernel.instants import from_us
from runlore.kernel.readable import readable_quantity
from runlore.models.score_names import display
from runlore.performance.actions.windows import PerformanceOutcome
from runlore.performance.rules.floor import FloorVerdict, is_higher_better
from runlore.performance.rules.windows import WindowPerformance
from runlore.training.rules.gates import ScoreInterval


def conclude(outcome: PerformanceOutcome) -> Conclusion:
    """Below a floor, worse than before, good enough, or not known; the first that holds."""
    spec = outcome.spec
    below = [verdict for verdict in outcome.floors if verdict.answer == "below"]
    if below:
        since = _since(outcome, below[0])
        began = f" since {since.day} {since:%b}" if since else ""
        than = "the simple baseline" if "baseline" in below[0].floor.origin else "its floor"
        return Conclusion(
            f"Worse than {than}{began}: {_measured(below, outcome.unit)}.", _remedy(outcome)
        )
    regressed = [found for found in outcome.regressions if found.answer == "regressed"]
    if regressed:
        worst = max(regressed, key=lambda found: found.worse_by)
        headline = f"Worse than before: {display(worst.metric)} by {worst.worse_by:.0%}"
        why = f"Look at the windows, and at the data: `runlore quality {spec}`."
        return Conclusion(f"{headline}, within its floors.", why)
    known = [verdict for verdict in outcome.floors if verdict.answer == "above"]
    if known:
        return Conclusion(f"OK: {_measured(known, outcome.unit)}.", NOTHING_TO_DO)
    if outcome.is_answerable:
        return Conclusion("OK: no score got worse; none has a floor.", NOTHING_TO_DO)
    why = outcome.floors[0].reason if outcome.floors else outcome.note or "no outcomes are known"
    return Conclusion(
        f"Cannot tell: {why}.",
        "Report outcomes under the ids that were predicted for: see docs/serving.md.",
    )


def _measured(verdicts: list[FloorVerdict], unit: str) -> str:
    return ", ".join(
        f"{display(verdict.floor.score)} {_score(verdict, verdict.measured, unit)}"
        f" ({'floor' if is_higher_better(verdict.floor.score) else 'limit'}"
        f" {_score(verdict, verdict.floor.bound, unit)})"
        for verdict in verdicts
    )


def _score(verdict: FloorVerdict, measured: ScoreInterval | float | None, unit: str) -> str:
    """Two digits, which the interval of a score seldom bears; an error in its unit."""
    if measured is None:
        return "unknown"
    value = measured if isinstance(measured, float) else measured.value
    return readable_quantity(value, unit) if verdict.floor.score == "mae" else f"{value:.2g}"


def _remedy(outcome: PerformanceOutcome) -> str:
    spec = outcome.spec
    if outcome.challenger is not None:
        command = f"runlore promote {spec} --version {outcome.challenger}"
        return f'Version {outcome.challenger} is ready: `{command} --reason "WHY"`.'
    return f"Train again: `runlore train {spec}` (the schedules of `runlore up` do so)."


def _since(outcome: PerformanceOutcome, broken: FloorVerdict) -> datetime | None:
    """When the first window began of those without a break that miss the floor until now."""
    began = None
    for window in reversed(outcome.windows):
        missed = _misses(window, broken)
        if missed is False:
            break
        if missed:
            began = from_us(window.first_us)
    return began


def _misses(window: WindowPerformance, broken: FloorVerdict) -> bool | None:
    """None: nothing is known of the score in this window."""
    score = broken.floor.score
    measured = window.realised.scores.get(score)
    if measured is None:
        return None
    if is_higher_better(score):
        return measured.value < broken.floor.bound
    return measured.value > broken.floor.bound
