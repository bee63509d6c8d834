"""Send tasks to agents that do not ask for them: by A2A, or as calls of an MCP server's tool."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload
from uuid import UUID

from runlore.agents.actions import task_steps
from runlore.agents.actions.outside_cards import with_card
from runlore.agents.actions.store_worker import StoreAgent, StoreWorker
from runlore.agents.delivery.a2a_sending import send_by_a2a
from runlore.agents.delivery.attempt import AttemptFailed, LeaseLost, OutsideAgent, SentTask
from runlore.agents.delivery.outside import OutsideLimits, fetch_json, token_of
from runlore.agents.queries import registry
from runlore.agents.queries.registry import AgentRow, read_due_agents, read_pushed_agents
from runlore.agents.queries.task_rows import TaskRow
from runlore.client.worker import GiveUp
from runlore.kernel.errors import Refused, RunloreError, Unavailable, describe
from runlore.store.engine import Store

LONGEST_ATTEMPT_S = 600.0
VISIT_S = 60.0  # between two looks whether an agent can be reached
VISIT_LIMIT_S = 10.0


@dataclass(frozen=True)
class DispatchPolicy:
    """attempt_s: how long an attempt may take, whatever the agent says."""

    limits: OutsideLimits = field(default_factory=OutsideLimits)
    attempt_s: float = LONGEST_ATTEMPT_S


@dataclass(frozen=True)
class PushedAgents(Sequence[StoreAgent]):
    """Agents that are sent tasks, and for whom there may be one now: anew at each look."""

    store: Store
    policy: DispatchPolicy

    def _now(self) -> list[StoreAgent]:
        return [self._agent(row) for row in read_due_agents(self.store)]

    def _agent(self, row: AgentRow) -> StoreAgent:
        return StoreAgent(row.id, None, lambda task: deliver(self.store, row, task, self.policy))

    @overload
    def __getitem__(self, place: int) -> StoreAgent: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[StoreAgent]: ...
    def __getitem__(self, place: int | slice) -> StoreAgent | Sequence[StoreAgent]:
        return self._now()[place]

    def __iter__(self) -> Iterator[StoreAgent]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())


def dispatcher(store: Store, policy: DispatchPolicy, slots: int) -> StoreWorker:
    """What leases tasks for such agents and sends them. Several may run at once."""
    return StoreWorker(store, PushedAgents(store, policy), slots)


def deliver(store: Store, row: AgentRow, task: TaskRow, policy: DispatchPolicy) -> object:
    """The output of a leased task. Raises GiveUp, AttemptFailed, LeaseLost or BadInput."""
    row = with_card(store, row, policy.limits)
    agent = _outside(row)
    sent = SentTask(
        task.id,
        task.type,
        task.name,
        task.input,
        task.token or 0,
        task.lease_s,
        lambda: _renew(store, task.id, task.token or 0),
    )
    try:
        return asyncio.run(_limited(_send(row, agent, sent, policy.limits), policy.attempt_s))
    except Exception as error:
        raise _failure(_leaf(error)) from error


def visit_agents(store: Store, limits: OutsideLimits) -> list[UUID]:
    """Mark the agents as seen that can be reached now. Returns those that cannot.

    It shows that they answer, not that they do tasks.
    """
    rows = [row for row in read_pushed_agents(store) if row.way == "mcp" or row.card_url]
    return asyncio.run(_visited(store, rows, limits))


async def _visited(store: Store, rows: Sequence[AgentRow], limits: OutsideLimits) -> list[UUID]:
    answers = await asyncio.gather(*(_is_there(row, limits) for row in rows))
    for row, answers_now in zip(rows, answers, strict=True):
        if answers_now:
            await asyncio.to_thread(registry.mark_seen, store, row.id)
    return [row.id for row, answers_now in zip(rows, answers, strict=True) if not answers_now]


async def _is_there(row: AgentRow, limits: OutsideLimits) -> bool:
    try:
        agent = _outside(row)
        async with asyncio.timeout(VISIT_LIMIT_S):
            if row.way == "mcp":
                from runlore.agents.delivery.mcp_calling import has_tool

                return await has_tool(agent, limits)
            await fetch_json(row.card_url or agent.address, limits, agent.token)
    except Exception:  # noqa: BLE001  (whatever a library meets, the agent was not reached)
        return False
    return True


def _outside(row: AgentRow) -> OutsideAgent:
    return OutsideAgent(row.address or "", row.tool, row.card, token_of(row.token_variable))


async def _send(
    row: AgentRow, agent: OutsideAgent, task: SentTask, limits: OutsideLimits
) -> object:
    if row.way == "mcp":
        from runlore.agents.delivery.mcp_calling import call_by_mcp

        return await call_by_mcp(agent, task, limits)
    return await send_by_a2a(agent, task, limits)


async def _limited(work: Coroutine[Any, Any, object], most_s: float) -> object:
    try:
        async with asyncio.timeout(most_s):
            return await work
    except TimeoutError as error:
        raise AttemptFailed(f"no result in {most_s:g} s") from error


async def _renew(store: Store, task_id: UUID, token: int) -> None:
    try:
        await asyncio.to_thread(task_steps.renew_lease, store, task_id, token)
    except Refused as error:
        raise LeaseLost(str(error)) from error
    except Unavailable:
        return  # the next one may reach the database


def _failure(error: BaseException) -> Exception:
    if isinstance(error, AttemptFailed) and not error.may_retry:
        return GiveUp(str(error))
    return error if isinstance(error, RunloreError) else AttemptFailed(describe(error))


def _leaf(error: BaseException) -> BaseException:
    """The first cause within groups of errors."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return error
