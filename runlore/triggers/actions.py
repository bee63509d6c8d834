"""Say to Prefect what is due: as soon as its cause is committed, else when its time comes."""

import logging
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runlore.engagement.queries import federated
from runlore.experiments.queries import running_tests
from runlore.kernel import instants
from runlore.kernel.errors import Unavailable
from runlore.registry import alias_history
from runlore.reports.actions import scheduling
from runlore.retraining import queries
from runlore.retraining.actions import announcing
from runlore.retraining.actions.may_be_due import may_be_due
from runlore.retraining.queries import Retraining
from runlore.rollout.queries import rollouts
from runlore.serving.actions import promotion, waiting_challenger
from runlore.serving.actions.promotion import CHAMPION
from runlore.specs.model_spec import ModelSpec
from runlore.store import notices
from runlore.store.engine import Store
from runlore.triggers import rules
from runlore.triggers.rules import AB, RETRAINING, ROLLOUT, TESTS, DueWork, LookCycle, Said
from runlore.web.prefect_api import PrefectApi

LEADER = "runlore.triggers"  # of several processes that watch, one speaks
LOOK_S = 60.0  # what nobody notified of is noticed after at most so long
RETRY_S = 5.0  # after the database or the Prefect server did not answer
SETTLE_S = 0.05  # between two looks, whatever is notified
RETRAINING_S = 300.0  # between two questions whether a training is due by itself
OVER = ("roll back", "promote")

log = logging.getLogger("runlore.triggers")


def watch(
    store: Store, prefect: PrefectApi, specs: Sequence[ModelSpec], end: threading.Event
) -> None:
    """Until the end. What cannot be reached is tried again, and logged once."""
    speaker = Speaker(store, prefect, specs)
    trouble = ""
    while not end.is_set():
        try:
            with notices.listening(store, [notices.WORK_DUE]) as listener:
                while not end.is_set():
                    pause_s = LOOK_S
                    if listener.leads(LEADER):
                        pause_s = speaker.speak(instants.now())
                    trouble = _report("", trouble)
                    listener.wait(pause_s, end)
                    end.wait(SETTLE_S)
        except Unavailable as error:
            trouble = _report(str(error), trouble)
        except Exception:  # the edge of the thread: it must live on
            log.exception("what is due waits")
        end.wait(RETRY_S)


def _report(trouble: str, before: str) -> str:
    if trouble != before:
        log.warning("%s", f"what is due waits: {trouble}" if trouble else "reachable again")
    return trouble


@dataclass
class Speaker:
    """Remembers what it has said; one that starts anew says it again at most once."""

    store: Store
    prefect: PrefectApi
    specs: Sequence[ModelSpec]
    _said: dict[DueWork, Said] = field(default_factory=dict)
    _trainings: Sequence[DueWork] = ()
    _asked_at: datetime = instants.EPOCH
    _has_asked: bool = False

    def speak(self, at: datetime) -> float:
        """Say what is due and was not said; returns after how many seconds to look again."""
        announcing.announce(self.store, at, self._announce)
        self._ask_for_decisions()
        cycles = self._cycles()
        reports_at = self._reports_at(at)
        due = [
            *rules.due_looks(cycles, at),
            *self._due_trainings(at),
            *rules.due_reports(reports_at, at),
            *rules.due_federated(self._federated_since()),
        ]
        self._said = {work: entry for work, entry in self._said.items() if work in due}
        for work in rules.to_say(due, self._said, at):
            self._post(work.event, work.resource, work.payload)
            self._said[work] = rules.said_now(work, self._said.get(work), at)
        return self._pause_s([cycle for cycle in cycles if cycle.due_at > at], reports_at, at)

    def _reports_at(self, at: datetime) -> datetime | None:
        with self.store.begin() as connection:
            return scheduling.next_work_at(connection, at)

    def _federated_since(self) -> datetime | None:
        with self.store.connect() as connection:
            return federated.waiting_since(connection)

    def _pause_s(
        self, later: Sequence[LookCycle], reports_at: datetime | None, at: datetime
    ) -> float:
        next_at = rules.next_at(later, self._said)
        if reports_at is not None and reports_at > at:
            next_at = reports_at if next_at is None else min(next_at, reports_at)
        if next_at is None:
            return LOOK_S
        return min(max((next_at - at).total_seconds(), 0.0), LOOK_S)

    def _cycles(self) -> list[LookCycle]:
        with self.store.begin() as connection:
            newest = rollouts.newest_decisions(connection)
            untried = rollouts.without_rollout(connection)
            tests = running_tests.read(connection)
        going_on = [decision for decision in newest if decision.action not in OVER]
        cycles = [
            _of_spec(decision.spec, decision.written_at, is_new=decision.is_first)
            for decision in going_on
        ]
        busy = {decision.spec for decision in going_on}
        cycles += [
            _of_spec(spec.name, instants.EPOCH, is_new=True)
            for spec in self.specs
            if spec.rollout.starts == "by itself" and spec.name in {*untried} - busy
        ]
        cycles += [
            LookCycle(AB, TESTS, test.looked_at or test.started_at, test.looked_at is None)
            for test in tests
        ]
        return cycles

    def _ask_for_decisions(self) -> None:
        """Once in a process: of challengers that have waited since before it."""
        if self._has_asked:
            return
        with self.store.begin() as connection:
            untried = rollouts.without_rollout(connection)
        arms = promotion.arms(self.store)
        for spec in self.specs:
            has_traffic = spec.name in arms and arms[spec.name].share > 0
            if spec.name in untried and spec.rollout.starts != "by itself" and not has_traffic:
                waiting_challenger.ask_if_nobody_did(self.store, spec.name)
        self._has_asked = True

    def _due_trainings(self, at: datetime) -> Sequence[DueWork]:
        if at - self._asked_at >= timedelta(seconds=RETRAINING_S):
            champions = alias_history.newest(self.store, CHAMPION)
            with self.store.begin() as connection:
                newest = queries.newest_fact(connection)
                self._trainings = [
                    DueWork(RETRAINING, _resource(spec.name), newest, {"spec": spec.name})
                    for spec in self.specs
                    if may_be_due(connection, spec, champions.get(spec.name), at)
                ]
            self._asked_at = at
        return self._trainings

    def _announce(self, request: Retraining) -> None:
        resource = _resource(request.wanted.spec)
        self._post(announcing.WANTED, resource, announcing.payload(request))

    def _post(self, event: str, resource: str, payload: Mapping[str, Any]) -> None:
        """Raises NoAnswer, which is Unavailable."""
        name = resource.removeprefix("runlore.spec.")
        content = {
            "id": str(uuid.uuid4()),
            "occurred": instants.now().isoformat(),
            "event": event,
            "resource": {"prefect.resource.id": resource, "prefect.resource.name": name},
            "payload": dict(payload),
            "related": [],
        }
        self.prefect.post("/events", [content])
        log.info("%s: %s", event, name)


def _of_spec(spec: str, looked_at: datetime, *, is_new: bool) -> LookCycle:
    return LookCycle(ROLLOUT, _resource(spec), looked_at, is_new, {"spec": spec})


def _resource(spec: str) -> str:
    return f"runlore.spec.{spec}"
