"""Agents that work in this process, on the store: each task under a lease that is renewed."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from uuid import UUID

from runlore.agents.actions.task_steps import (
    complete_task,
    fail_task,
    lease_tasks,
    renew_lease,
)
from runlore.agents.queries.task_rows import TaskRow
from runlore.client.worker import GiveUp
from runlore.kernel.errors import BadInput, NotFound, Refused, RunloreError, Unavailable
from runlore.store import notices
from runlore.store.engine import Store

HEARTBEATS_PER_LEASE = 3.0
TICK_S = 0.2  # how soon a free slot, or the end, is noticed
LOOK_S = 5.0  # a lease that ends, or a pause that is over, is announced by nobody
RETRY_S = 2.0
NO_RETRY = (BadInput, NotFound, Refused, GiveUp)  # another attempt would end likewise

# What it returns is the task's output, as JSON; what it raises is the failure.
TaskHandler = Callable[[TaskRow], object]


@dataclass(frozen=True)
class StoreAgent:
    """types: of the tasks that it takes from the queue; None: any."""

    id: UUID
    types: Sequence[str] | None
    do: TaskHandler


@dataclass
class WorkDone:
    completed: int = 0
    failed: int = 0
    lost: int = 0


@dataclass(eq=False)
class StoreWorker:
    """slots: tasks at a time, of all agents together."""

    store: Store
    agents: Sequence[StoreAgent]
    slots: int = 1
    end: threading.Event = field(default_factory=threading.Event)
    done: WorkDone = field(default_factory=WorkDone)
    _in_hand: dict[UUID, TaskRow] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, *, until_idle: bool = False) -> WorkDone:
        """Do tasks until `end` is set; until_idle: or until there is none that can begin."""
        beating = threading.Thread(target=self._beat, daemon=True, name="heartbeats")
        beating.start()
        try:
            with ThreadPoolExecutor(self.slots) as threads:
                while not self.end.is_set():
                    try:
                        with notices.listening(self.store, [notices.AGENT_TASKS]) as listener:
                            while not self.end.is_set():
                                is_idle = self._work(threads, listener, is_hurried=until_idle)
                                if is_idle and until_idle:
                                    self.end.set()
                    except Unavailable:
                        self.end.wait(RETRY_S)
        finally:
            self.end.set()
            beating.join()
        return self.done

    def _work(
        self, threads: ThreadPoolExecutor, listener: notices.Listener, *, is_hurried: bool
    ) -> bool:
        """Do the tasks that can begin, then wait for others. Whether there was none.

        It looks again when a task has ended, when somebody says that there may be one, and after
        LOOK_S: never more often, however long a task takes.
        """
        was_idle = True
        running: set[Future[None]] = set()
        look_at = time.monotonic()
        while not self.end.is_set():
            if time.monotonic() >= look_at and len(running) < self.slots:
                begun = self._begin(threads, self.slots - len(running))
                running |= begun
                was_idle = was_idle and not begun
                look_at = time.monotonic() + LOOK_S
            if not running:
                break
            ended, running = wait(running, TICK_S, FIRST_COMPLETED)
            for one in ended:
                one.result()
            if ended or listener.wait(0.0):
                look_at = time.monotonic()
        wait(running)
        if was_idle and not is_hurried:
            listener.wait(LOOK_S, self.end)
        return was_idle

    def _begin(self, threads: ThreadPoolExecutor, free: int) -> set[Future[None]]:
        begun: set[Future[None]] = set()
        for agent in self.agents:
            if len(begun) >= free:
                break
            for task in lease_tasks(self.store, agent.id, free - len(begun), agent.types):
                with self._lock:
                    self._in_hand[task.id] = task
                begun.add(threads.submit(self._do, task, agent.do))
        return begun

    def _do(self, task: TaskRow, handler: TaskHandler) -> None:
        try:
            self._settle(task, handler)
        except (Refused, NotFound):
            self.done.lost += 1  # another agent has the task, or it was cancelled
        finally:
            with self._lock:
                self._in_hand.pop(task.id, None)

    def _settle(self, task: TaskRow, handler: TaskHandler) -> None:
        token = task.token or 0
        try:
            output = handler(task)
        except NO_RETRY as error:
            fail_task(self.store, task.id, token, str(error) or "given up", may_retry=False)
        except RunloreError as error:
            fail_task(self.store, task.id, token, str(error))
        except Exception as error:  # noqa: BLE001  (whatever a handler raises is a failed attempt)
            fail_task(self.store, task.id, token, f"{type(error).__name__}: {error}")
        else:
            complete_task(self.store, task.id, token, output)
            self.done.completed += 1
            return
        self.done.failed += 1

    def _beat(self) -> None:
        """Renew the leases of tasks in hand, three times a lease."""
        waited: dict[UUID, float] = {}
        while not (self.end.wait(TICK_S) and not self._in_hand):
            with self._lock:
                tasks = list(self._in_hand.values())
            waited = {task.id: waited.get(task.id, 0.0) + TICK_S for task in tasks}
            for task in tasks:
                if waited[task.id] >= task.lease_s / HEARTBEATS_PER_LEASE:
                    waited[task.id] = 0.0
                    self._renew(task)

    def _renew(self, task: TaskRow) -> None:
        try:
            renew_lease(self.store, task.id, task.token or 0)
        except (Refused, NotFound, Unavailable):
            return  # the end of the task says so
