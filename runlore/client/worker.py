"""An agent that pulls its tasks from the service, and does each under a lease."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from runlore.client.calls import Call
from runlore.client.synchronous import Client
from runlore.kernel.errors import BadInput, NotFound, Refused, Unavailable

WAIT_S = 8.0  # for a task, at the service
RETRY_S = 2.0  # after the service could not be reached
HEARTBEATS_PER_LEASE = 3.0
IDLE_S = 0.1  # between two looks for a free slot


class GiveUp(Exception):
    """Raised by a handler: another attempt at this task is no use."""


@dataclass(frozen=True)
class TaskParts:
    """What `PulledTask.split` gives: return it from the handler."""

    tasks: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class PulledTask:
    """token: send it with each effect of the task. lost: set when another agent has the task.

    parts: reads what the task was split into, as GET /agent-tasks gives it, the oldest first;
    empty: it was not split.
    """

    id: str
    type: str
    name: str
    input: Mapping[str, Any]
    token: int
    lease_s: float
    lost: threading.Event = field(default_factory=threading.Event, compare=False)
    parts: Callable[[], list[dict[str, Any]]] = field(default=list, compare=False)

    def split(self, tasks: Sequence[Mapping[str, Any]]) -> TaskParts:
        """Parts for other agents, as POST /agent-tasks takes them; the handler returns this.

        The task waits without a slot. When all parts have ended, it is leased again: `parts()`
        then has their statuses and outputs.
        """
        return TaskParts(tuple(tasks))


Handler = Callable[[PulledTask], Any]


class Worker:
    """Does tasks until it is stopped.

    handlers: by type of task. What one returns is the task's output, as JSON; an exception is a
    failed attempt, which is tried again unless it is a GiveUp. A task whose type has no handler
    fails for good. Names are unique: a worker with a known name goes on as that agent.

        with runlore.Client("http://localhost:3000") as client:
            Worker(client, "ann", {"write": write}, capabilities=["text"]).run()
    """

    def __init__(
        self,
        client: Client,
        name: str,
        handlers: Mapping[str, Handler],
        *,
        capabilities: Sequence[str] = (),
        agent_type: str = "custom",
        slots: int = 1,
    ) -> None:
        self._client, self._handlers, self._slots = client, dict(handlers), slots
        self._profile = {
            "agent_name": name,
            "agent_type": agent_type,
            "capabilities": list(capabilities),
            "max_concurrent_tasks": slots,
        }
        self._stop = threading.Event()
        self._in_hand: dict[str, PulledTask] = {}
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Take no more tasks; `run` returns when those in hand are done."""
        self._stop.set()

    def run(self) -> None:
        """Register, and do tasks until `stop`. A service that is away is waited for."""
        agent_id = self._registered()
        beating = threading.Thread(target=self._beat, daemon=True, name="heartbeats")
        beating.start()
        with ThreadPoolExecutor(self._slots) as threads:
            while agent_id and not self._stop.is_set():
                try:
                    tasks = self._pulled(agent_id)
                except NotFound:  # somebody removed the agent, but not this worker
                    agent_id = self._registered()
                    continue
                for task in tasks:
                    self._in_hand[task.id] = task
                    threads.submit(self._do, task)
        self._stop.set()
        beating.join()

    def _registered(self) -> str | None:
        while not self._stop.is_set():
            try:
                return self._register()
            except Unavailable:
                self._stop.wait(RETRY_S)
        return None

    def _register(self) -> str:
        try:
            return str(self._post("/agents", self._profile)["id"])
        except Refused:
            query = {"agent_name": str(self._profile["agent_name"])}
            call = Call("GET", "/agents", None, is_repeatable=True, query=query)
            agents = self._client.send(call, dict)["agents"]
            if not agents:
                raise
            change = {name: self._profile[name] for name in ("capabilities", "agent_type")}
            change["max_concurrent_tasks"] = self._slots
            path = f"/agents/{agents[0]['id']}"
            self._client.send(Call("PATCH", path, change, is_repeatable=True), dict)
            return str(agents[0]["id"])

    def _pulled(self, agent_id: str) -> list[PulledTask]:
        free = self._slots - len(self._in_hand)
        if free <= 0:
            time.sleep(IDLE_S)
            return []
        try:
            body = {"most": free, "wait_s": WAIT_S}
            rows = self._post(f"/agents/{agent_id}/lease", body)["tasks"]
        except Unavailable:
            self._stop.wait(RETRY_S)
            return []
        return [
            PulledTask(
                row["id"],
                row["task_type"],
                row["task_name"],
                row["input_data"],
                row["fencing_token"],
                row["lease_s"],
                parts=partial(self._parts, row["id"]),
            )
            for row in rows
        ]

    def _do(self, task: PulledTask) -> None:
        try:
            step, body = self._handled(task)
            self._step(task, step, body)
        finally:
            with self._lock:
                self._in_hand.pop(task.id, None)

    def _handled(self, task: PulledTask) -> tuple[str, dict[str, Any]]:
        """How the task ended, as the next step and its body."""
        handler = self._handlers.get(task.type)
        if handler is None:
            return "fail", {"failure": f"no handler of {task.type!r}", "may_retry": False}
        try:
            output = handler(task)
        except GiveUp as error:
            return "fail", {"failure": str(error) or "given up", "may_retry": False}
        except Exception as error:  # noqa: BLE001  (whatever a handler raises is a failed attempt)
            return "fail", {"failure": f"{type(error).__name__}: {error}"[:2000]}
        if isinstance(output, TaskParts):
            return "split", {"tasks": list(output.tasks)}
        return "complete", {"output_data": output}

    def _parts(self, task_id: str) -> list[dict[str, Any]]:
        query = {"parent_id": task_id, "limit": "1000"}
        call = Call("GET", "/agent-tasks", None, is_repeatable=True, query=query)
        parts: list[dict[str, Any]] = self._client.send(call, dict)["tasks"]
        return parts[::-1]

    def _step(self, task: PulledTask, step: str, body: Mapping[str, Any]) -> None:
        """A lost lease changes nothing: another agent has the task."""
        until = time.monotonic() + task.lease_s
        path, whole = f"/agent-tasks/{task.id}/{step}", {**body, "fencing_token": task.token}
        while not task.lost.is_set():
            try:
                self._post(path, whole)
                return
            except (Refused, NotFound):
                task.lost.set()
            except BadInput as error:
                path = f"/agent-tasks/{task.id}/fail"
                whole = {"failure": f"{error}"[:2000], "fencing_token": task.token}
            except Unavailable:
                if time.monotonic() > until:
                    return  # the lease has ended; the task comes back
                time.sleep(RETRY_S / 4)

    def _beat(self) -> None:
        """Renew the leases of tasks in hand."""
        due: dict[str, float] = {}
        while not (self._stop.is_set() and not self._in_hand):
            time.sleep(IDLE_S)
            with self._lock:
                tasks = list(self._in_hand.values())
            now = time.monotonic()
            due = {task.id: due.get(task.id, now + _pause_s(task)) for task in tasks}
            for task in tasks:
                if due[task.id] <= now and not task.lost.is_set():
                    due[task.id] = now + _pause_s(task)
                    self._renew(task)

    def _renew(self, task: PulledTask) -> None:
        try:
            self._post(f"/agent-tasks/{task.id}/heartbeat", {"fencing_token": task.token})
        except Refused:
            if task.id in self._in_hand:
                task.lost.set()
        except Unavailable:
            return  # the next one may reach it

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._client.send(Call("POST", path, body, is_repeatable=False), dict)


def _pause_s(task: PulledTask) -> float:
    return task.lease_s / HEARTBEATS_PER_LEASE
