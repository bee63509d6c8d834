"""Look at how probes and tasks went, quarantine agents that fail, and let them return."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from runlore.agents.queries import health, probes
from runlore.agents.queries.health import HealthWatermark, TaskOutcomeRow
from runlore.agents.queries.probes import EndedProbe
from runlore.agents.queries.task_rows import Connection, wake_agents
from runlore.agents.rules.health import (
    HealthState,
    SkillPast,
    Verdict,
    add_outcome,
    add_to_past,
    is_probe_at_fault,
    is_slow,
    is_slow_task,
    usual_failures,
    weight_of,
)
from runlore.agents.rules.probe import wrong_in
from runlore.store.engine import Store

MAX_PROBES = 500  # sent in one look
LEASE_ENDED = "the lease ended"


@dataclass(frozen=True)
class AgentEvidence:
    """usual: share of failures while the agent works."""

    agent_id: UUID
    kind: str
    task_id: UUID
    usual: float
    detail: str
    is_failure: bool
    is_probe: bool


@dataclass(frozen=True)
class HealthLook:
    """What a look found; ids of agents."""

    sent: int = 0
    quarantined: Sequence[UUID] = ()
    returned: Sequence[UUID] = ()


@dataclass
class _Book:
    """The states of agents while their evidence is added up, and what is to be written."""

    states: dict[UUID, HealthState]
    rows: list[dict[str, Any]] = field(default_factory=list)
    changes: list[tuple[UUID, str, str]] = field(default_factory=list)

    def add(self, one: AgentEvidence) -> None:
        state = self.states.get(one.agent_id)
        if state is None:
            return  # it was removed
        weight = weight_of(one.usual, is_failure=one.is_failure)
        step = add_outcome(state, weight, is_probe=one.is_probe)
        self.states[one.agent_id] = step.state
        if one.is_failure or state.score > 0 or state.is_quarantined:
            self._note(one, weight, one.kind, one.detail)
        if step.change is not None:
            self.changes.append((one.agent_id, step.change, f"{one.kind}: {one.detail}"[:500]))
            self._note(one, 0.0, step.change, self.changes[-1][2])

    def _note(self, one: AgentEvidence, weight: float, kind: str, detail: str) -> None:
        self.rows.append(
            {
                "agent": one.agent_id,
                "kind": kind,
                "task": one.task_id,
                "weight": round(weight, 4),
                "score": round(self.states[one.agent_id].score, 4),
                "detail": detail[:500],
            }
        )


def watch_health(store: Store) -> HealthLook:
    """Judge what ended since the last look, change quarantines, and send probes that are due.

    At most one process looks at a time; the others find nothing to do.
    """
    with store.connect() as connection:
        mark = health.begin_look(connection)
        if mark is None:
            return HealthLook()
        evidence = _probe_evidence(connection, mark) + _task_evidence(connection, mark)
        changes = _apply(connection, evidence)
        sent = probes.send_probes(connection, MAX_PROBES)
        if sent:
            wake_agents(connection)
        probes.forget_probes(connection)
        health.forget_evidence(connection)
    return HealthLook(
        sent,
        [agent for agent, change, _ in changes if change == "quarantined"],
        [agent for agent, change, _ in changes if change == "returned"],
    )


def _apply(
    connection: Connection, evidence: Sequence[AgentEvidence]
) -> Sequence[tuple[UUID, str, str]]:
    if not evidence:
        return ()
    before = health.read_states(connection, sorted({one.agent_id for one in evidence}))
    book = _Book(dict(before))
    for one in evidence:
        book.add(one)
    changed = {agent: one for agent, one in book.states.items() if one != before[agent]}
    health.write_states(connection, changed)
    health.add_evidence(connection, book.rows)
    for agent, change, reason in book.changes:
        if change == "quarantined":
            health.quarantine(connection, agent, reason)
        else:
            health.let_return(connection, agent)
    return book.changes


def _probe_evidence(connection: Connection, mark: HealthWatermark) -> list[AgentEvidence]:
    ended = probes.read_ended(connection)
    if not ended:
        return []
    judged = [_judge(one, is_distrusted=mark.is_distrusted) for one in ended]
    probes.write_verdicts(connection, ended, [verdict for verdict, _ in judged])
    counts = probes.count_failing(connection, sorted({one.probe_id for one in ended}))
    evidence = []
    for one, (verdict, detail) in zip(ended, judged, strict=True):
        agents, failing = counts.get(one.probe_id, (0, 0))
        is_failure = verdict != "passed"
        if verdict == "void" or (is_failure and is_probe_at_fault(failing, agents)):
            continue
        kind = f"probe {verdict}"
        text = f"{one.probe}: {detail}"
        evidence.append(
            AgentEvidence(one.agent_id, kind, one.task_id, 0.0, text, is_failure, is_probe=True)
        )
    return evidence


def _judge(one: EndedProbe, *, is_distrusted: bool) -> tuple[Verdict, str]:
    if one.rule is None or one.agent is None or one.status in (None, "cancelled"):
        return "void", "the probe, its task or the agent was removed"
    if one.status == "failed":
        return "failed", one.failure or "it failed"
    took_s = one.took_s or 0.0
    if one.status != "completed":
        not_begun = "it was not begun" if one.status == "assigned" else "no answer"
        return ("void" if is_distrusted else "late"), f"{not_begun} within {one.max_s:g} s"
    if wrong := wrong_in(one.output, one.rule):
        return "wrong", wrong
    if not is_distrusted and is_slow(took_s, one.own_s, one.peers_s):
        usual = max(value for value in (one.own_s, one.peers_s) if value is not None)
        return "slow", f"{took_s:.1f} s; usual: {usual:.1f} s"
    return "passed", f"{took_s:.2f} s"


def _task_evidence(connection: Connection, mark: HealthWatermark) -> list[AgentEvidence]:
    rows = health.read_outcomes(connection, mark.event_id)
    if not rows:
        return []
    agents = sorted({row.agent_id for row in rows})
    pasts = health.read_pasts(connection, agents)
    shown = health.read_shown(connection, sorted({row.task_type for row in rows}))
    evidence, silent, written = [], set(), {}
    for row in rows:
        is_silent = row.event == "unassigned" or row.detail.startswith(LEASE_ENDED)
        if is_silent and (mark.is_distrusted or row.agent_id in silent):
            continue  # one crash loses all leases of a process: that is one observation
        if is_silent:
            silent.add(row.agent_id)
        key = row.agent_id, row.task_type
        past = pasts.get(key, SkillPast())
        usual = usual_failures(past, *_of_peers(shown, key))
        evidence.append(one := _of_task(row, past, usual, is_silent=is_silent))
        pasts[key] = written[key] = _learned(past, row, one)
    health.write_pasts(connection, written)
    return evidence


def _of_task(
    row: TaskOutcomeRow, past: SkillPast, usual: float, *, is_silent: bool
) -> AgentEvidence:
    base = AgentEvidence(
        row.agent_id, "task completed", row.task_id, usual, row.task_type, False, is_probe=False
    )
    if row.event == "completed":
        took_s = row.took_s or 0.0
        if not is_slow_task(past, took_s):
            return base
        text = f"{row.task_type}: {took_s:.1f} s"
        return replace(base, kind="task slow", detail=text, is_failure=True)
    kind = "lease lost" if is_silent else "task failed"
    return replace(base, kind=kind, detail=f"{row.task_type}: {row.detail}", is_failure=True)


def _learned(past: SkillPast, row: TaskOutcomeRow, one: AgentEvidence) -> SkillPast:
    """A slow task is a success that took its time; its slowness counts for the agent's health."""
    is_success = row.event == "completed"
    weight = weight_of(one.usual, is_failure=not is_success)
    return add_to_past(past, weight, took_s=(row.took_s or 0.001) if is_success else None)


def _of_peers(
    shown: Sequence[tuple[UUID, str, float, float]], key: tuple[UUID, str]
) -> tuple[float, float]:
    others = [row for row in shown if row[1] == key[1] and row[0] != key[0]]
    return sum(row[2] for row in others), sum(row[3] for row in others)
