"""When an agent is taken out of work, when it returns, and when a skill of it has fallen.

A cumulative sum (CUSUM) of log likelihood ratios between "it fails" and "it works as ever", never
below zero (Page, Biometrika 41, 1954). The threshold is log(n / false alarms): a sum of an agent
that works reaches it within n outcomes with at most this probability, since each start is a
sequential test whose ratio is a martingale (Wald 1945; Ville 1939), and there are n starts.
"""

from dataclasses import dataclass, replace
from math import exp, log, sqrt
from typing import Literal

WORKING = 0.02  # of an agent that works, the share of probes that fail
BROKEN = 0.5  # of one that does not, at least
FALSE_ALARMS, OUTCOMES = 0.01, 10_000  # at most this probability within so many outcomes
THRESHOLD = log(OUTCOMES / FALSE_ALARMS)
PASSES, MOST_PASSES = 5, 40  # probes passed in a row before an agent returns
SLOW_RATIO, SLOW_LEEWAY_S = 4.0, 0.5
KNOWN_OUTCOMES = 10.0  # from so many on, an agent's own past says what is usual for it
SLOW_FORGETTING = 0.99  # about the last 100 outcomes of a type say what is usual
FAULT_OF_ALL = 0.5  # share of agents that fail a probe from which on the probe is at fault
FEWEST_AGENTS = 3

Verdict = Literal["passed", "wrong", "failed", "late", "slow", "void"]


@dataclass(frozen=True)
class HealthState:
    """score: the sum. passes: probes passed in a row. quarantines: how often so far."""

    score: float = 0.0
    passes: int = 0
    quarantines: int = 0
    is_quarantined: bool = False


@dataclass(frozen=True)
class HealthChange:
    """weight: of the evidence. change: None: the agent stays where it is."""

    state: HealthState
    weight: float
    change: Literal["quarantined", "returned"] | None = None


@dataclass(frozen=True)
class SkillPast:
    """How an agent did at a type of task; sums are weighted, the newest by 1.

    score: evidence that it has fallen since.
    """

    successes: float = 0.0
    failures: float = 0.0
    log_s: float = 0.0
    log_s2: float = 0.0
    score: float = 0.0
    is_fallen: bool = False

    @property
    def seen(self) -> float:
        return self.successes + self.failures


def weight_of(usual: float, *, is_failure: bool) -> float:
    """Log likelihood ratio of one outcome. usual: share of failures while it works.

    >>> round(weight_of(0.02, is_failure=True), 2), round(weight_of(0.02, is_failure=False), 2)
    (3.24, -0.67)
    """
    usual = min(0.98, max(WORKING, usual))
    broken = usual + (1 - usual) * BROKEN
    return log(broken / usual) if is_failure else log((1 - broken) / (1 - usual))


def add_outcome(state: HealthState, weight: float, *, is_probe: bool) -> HealthChange:
    """What an outcome changes. Only probes bring an agent back.

    >>> state = HealthState()
    >>> for number in range(1, 6):
    ...     step = add_outcome(state, weight_of(0.0, is_failure=True), is_probe=True)
    ...     state = step.state
    >>> number, step.change
    (5, 'quarantined')
    """
    score = max(0.0, state.score + weight)
    if state.is_quarantined:
        passes = 0 if weight > 0 else state.passes + is_probe
        if passes >= passes_to_return(state.quarantines):
            back = replace(state, score=0.0, passes=0, is_quarantined=False)
            return HealthChange(back, weight, "returned")
        return HealthChange(replace(state, passes=passes), weight)
    if score < THRESHOLD:
        return HealthChange(replace(state, score=score), weight)
    out = HealthState(score, 0, state.quarantines + 1, is_quarantined=True)
    return HealthChange(out, weight, "quarantined")


def passes_to_return(quarantines: int) -> int:
    """Twice as many after each quarantine: one that flaps must show more.

    >>> [passes_to_return(n) for n in (1, 2, 3, 4, 9)]
    [5, 10, 20, 40, 40]
    """
    return min(MOST_PASSES, PASSES << min(10, max(0, quarantines - 1)))


def is_slow(took_s: float, own_s: float | None, peers_s: float | None) -> bool:
    """Whether an answer took much longer than usual, of this agent and of others.

    own_s, peers_s: medians; None: unknown.

    >>> is_slow(5.0, 0.2, 0.3), is_slow(5.0, 4.0, 0.3), is_slow(5.0, None, None)
    (True, False, False)
    """
    known = [one for one in (own_s, peers_s) if one is not None]
    return bool(known) and took_s > SLOW_RATIO * max(known) + SLOW_LEEWAY_S


def usual_failures(own: SkillPast, peer_successes: float, peer_failures: float) -> float:
    """Share of failures that is usual at a type of task: the agent's past, or what others show
    now, whichever is more. Upper ends, so that little knowledge accuses nobody.

    >>> usual_failures(SkillPast(), 0, 0), round(usual_failures(SkillPast(98, 2), 0, 0), 2)
    (0.5, 0.06)
    """
    peers = peer_failures / max(KNOWN_OUTCOMES, peer_successes + peer_failures)
    return max(_upper(own.failures, own.seen), peers)


def is_slow_task(past: SkillPast, took_s: float) -> bool:
    """Whether a completed task took much longer than this agent's tasks of the type."""
    if past.successes < KNOWN_OUTCOMES:
        return False
    mean = past.log_s / past.successes
    spread = sqrt(max(0.0, past.log_s2 / past.successes - mean**2))
    return took_s > SLOW_LEEWAY_S + exp(mean + max(log(SLOW_RATIO), 4 * spread))


def add_to_past(past: SkillPast, weight: float, *, took_s: float | None) -> SkillPast:
    """took_s: of a success; None: it failed."""
    kept = SLOW_FORGETTING
    seconds = 0.0 if took_s is None else log(max(0.001, took_s))
    score = min(2 * THRESHOLD, max(0.0, past.score + weight))
    is_fallen = score > 0 if past.is_fallen else score >= THRESHOLD
    return SkillPast(
        kept * past.successes + (took_s is not None),
        kept * past.failures + (took_s is None),
        kept * past.log_s + seconds,
        kept * past.log_s2 + seconds**2,
        score,
        is_fallen,
    )


def is_probe_at_fault(failing: int, agents: int) -> bool:
    """Whether so many agents fail a probe that it says nothing of any of them."""
    return agents >= FEWEST_AGENTS and failing > FAULT_OF_ALL * agents


def _upper(failures: float, seen: float) -> float:
    """Two standard errors above the share; one half when nothing is known."""
    if seen < KNOWN_OUTCOMES:
        return 0.5
    share = (failures + 1) / (seen + 2)
    return min(0.98, share + 2 * sqrt(share * (1 - share) / (seen + 2)))
