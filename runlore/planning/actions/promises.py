"""Learn from the whole log which estimates can be promised, and answer by it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from runlore.kernel.instants import to_us
from runlore.kernel.renewed_cache import RenewedCache
from runlore.planning.queries.promises import (
    PromiseModelRow,
    StoredScores,
    add_model,
    read_newest_model,
    read_scores,
)
from runlore.planning.queries.task_log import LoggedTask, Moment, read_task_log
from runlore.planning.rules.promises.boosting import read_trees, write_trees
from runlore.planning.rules.promises.candidates import CandidateMaker
from runlore.planning.rules.promises.promise_model import (
    LogAnswer,
    PromiseModel,
    learn_promise_model,
    read_document,
    write_document,
)
from runlore.planning.rules.promises.promised_estimate import LogPromise
from runlore.planning.rules.promises.scores import PromiseScores
from runlore.planning.rules.promises.task_log import (
    UNKNOWN_US,
    CodedTasks,
    FieldCodes,
    build_log,
    codes_of,
)
from runlore.planning.rules.promises.walk_forward import Progress, PromiseTrees
from runlore.planning.rules.task_table import Description
from runlore.records.measured_afterwards import origin
from runlore.store.engine import Store

MOST_TASKS = 50_000  # the newest ones are learned from, and looked at
MOST_MODELS = 10  # of a measure that are stored
VALID_FOR = timedelta(days=60)
MOST_KEPT = 4  # logs in memory
INPUT = "inputs."


@dataclass(frozen=True, eq=False)
class LogPromiser:
    """A learned promise and the log that it looks at. read_at: when that was read."""

    row: PromiseModelRow
    model: PromiseModel
    codes: FieldCodes
    maker: CandidateMaker
    read_at: datetime

    def promise_of(self, kind: str) -> LogPromise | None:
        """None: too few tasks of the kind were tested."""
        scores = self.row.scores["kinds"].get(kind)
        if scores is None:
            return None
        rule = self.model.rule
        threshold = rule.threshold
        if threshold is not None:
            threshold = float(rule.probabilities(np.array([threshold]))[0])
        return LogPromise(threshold, rule.answers, rule.past.kept, PromiseScores(**scores))

    def answer(self, about: Description, at: datetime) -> LogAnswer:
        fields, numbers = self.codes.encode([about])
        task = CodedTasks(
            fields,
            numbers,
            np.full(1, np.nan),
            np.full(1, to_us(at), dtype=np.int64),
            np.full(1, UNKNOWN_US, dtype=np.int64),
        )
        return self.model.answer(self.maker, task)


def make_promiser_cache() -> RenewedCache[tuple[Store, str], LogPromiser | None]:
    """What was learned of each measure, with its log."""
    return RenewedCache(lambda key, at: read_promiser(*key, at), MOST_KEPT)


def learn_promises(
    store: Store,
    measure: str,
    at: datetime,
    progress: Progress | None = None,
    moment: Moment = "submitted",
) -> StoredScores:
    """Learn from what was known at an instant, and store it.

    moment: when estimates are asked for. When a task starts, more is known than before.

    Raises:
        Refused: fewer than 2,000 tasks of the log have the measure.
    """
    tasks = read_task_log(store, measure, at, MOST_TASKS, moment)
    codes, log = build_log(*_columns(tasks))
    learned = learn_promise_model(codes, log, [task.kind for task in tasks], progress)
    scores = {
        "all": asdict(learned.scores),
        "kinds": {kind: asdict(one) for kind, one in learned.by_kind.items()},
    }
    row = PromiseModelRow(
        id=0,
        learned_at=at,
        measure=measure,
        tasks=learned.tasks,
        document=write_document(learned.model) | {"moment": moment},
        scores=scores,
        chances=write_trees(learned.model.models.chances),
        quantiles=write_trees(learned.model.models.quantiles),
    )
    add_model(store, row, MOST_MODELS)
    threshold = learned.model.rule.threshold
    fields = list(learned.model.fields)
    return StoredScores(at, measure, moment, learned.tasks, threshold, fields, scores)


def learn_promises_again(store: Store, measure: str, at: datetime) -> StoredScores:
    """Learn for the moment that was chosen the last time. Raises like `learn_promises`."""
    known = {row.measure: row.moment for row in list_promises(store, at)}
    moment: Moment = "started" if known.get(measure) == "started" else "submitted"
    return learn_promises(store, measure, at, moment=moment)


def list_promises(store: Store, as_of: datetime) -> list[StoredScores]:
    """What could be promised, by measure: the newest that was learned."""
    return read_scores(store, as_of)


def read_promiser(store: Store, measure: str, at: datetime) -> LogPromiser | None:
    """None: nothing was learned by then, or it is older than 60 days."""
    row = read_newest_model(store, measure, at)
    if row is None or at - row.learned_at > VALID_FOR:
        return None
    models = PromiseTrees(read_trees(row.chances), read_trees(row.quantiles))
    model = read_document(dict(row.document), models)
    moment: Moment = row.document["moment"]
    tasks = read_task_log(store, measure, at, MOST_TASKS, moment)
    described, amounts, submitted, known = _columns(tasks)
    codes = codes_of(described, model.fields, model.numbers)
    _, log = build_log(described, amounts, submitted, known, codes)
    return LogPromiser(row, model, codes, model.maker(log), at)


def describe_task(
    kind: str, actor: str | None, scope: str | None, inputs: Mapping[str, Any]
) -> Description:
    """Inputs that are measured afterwards are left out."""
    about: dict[str, object] = {"kind": kind, "actor": actor or None, "scope": scope or None}
    about |= {f"{INPUT}{name}": value for name, value in inputs.items() if origin(name) is None}
    return {name: value for name, value in about.items() if value is not None}


def _columns(
    tasks: Sequence[LoggedTask],
) -> tuple[list[Description], Any, Any, Any]:
    described = [describe_task(one.kind, one.actor, one.scope, one.inputs) for one in tasks]
    amounts = np.array([one.amount for one in tasks], dtype=np.float64)  # None: NaN
    known = [UNKNOWN_US if one.known_at is None else to_us(one.known_at) for one in tasks]
    submitted = np.array([to_us(one.asked_at) for one in tasks], dtype=np.int64)
    return described, amounts, submitted, np.array(known, dtype=np.int64)
