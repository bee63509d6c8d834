"""Undo an ingest: its facts are withdrawn from the log, and everything forgets them.

Nothing is deleted. The facts move to tables of their own, in one transaction: whoever reads the
log does not see them any more, and `executions_as_of` an earlier instant still does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from runlore.experiments.queries import withdrawn_outcomes
from runlore.ingest.queries import facts, lineage_runs, withdrawals
from runlore.ingest.queries.withdrawals import Connection, IngestRow, OtherIngest, Withdrawal
from runlore.kernel.errors import BadInput, NotFound, Refused, Unavailable
from runlore.monitoring.queries import withdrawn_facts
from runlore.serving.actions import states
from runlore.serving.queries import feature_states
from runlore.signals.actions import execution_series
from runlore.store import advisory
from runlore.store.engine import Store

SOURCE_PREFIX = "source:"
WHILE_INGESTING = "an ingest runs: wait until it has ended, or end it, and undo again"


@dataclass(frozen=True, slots=True)
class UndoTarget:
    """The facts of one ingest, or all facts of a source, whatever brought them in."""

    source: str | None = None
    ingest_id: int | None = None


@dataclass(frozen=True, slots=True)
class UndoReason:
    """Who undoes an ingest, and why."""

    actor: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Undo:
    """What was withdrawn. is_new: whether this call did it; else it was done before.

    reread: ingests whose files must be read again, since rows that they share with the undone one
    are gone. renewed: histories of features whose states were built anew.
    """

    withdrawal: Withdrawal
    is_new: bool
    reread: tuple[OtherIngest, ...] = ()
    renewed: int = 0


class NotYetForgotten(Unavailable):
    """The facts are withdrawn, and the states of features do not know that yet."""

    def __init__(self, undone: Undo, cause: Unavailable) -> None:
        super().__init__(
            f"withdrawal {undone.withdrawal.id}: all facts are withdrawn, and predictions still"
            " know them, because the states of features could not be renewed:"
            f" {cause}. The prediction service renews them by itself, and so does the same command"
        )
        self.undone = undone


def undo_ingest(store: Store, target: UndoTarget, why: UndoReason) -> Undo:
    """Withdraw the facts of an ingest or a source; the second time changes nothing.

    The instant is the database's, at the end. Waits for ingests that run, and lets no other begin;
    predictions go on, and so does recording, but for a moment at the end. Whatever cuts it off, it
    is done or it is not. Raises NotFound for what was never ingested, and Refused for an ingest
    whose facts do not have its number.
    """
    with advisory.exclusive(store.url, states.INGESTING, WHILE_INGESTING):
        undone = _withdrawn(store, target, why)
        try:
            renewed = states.renew(store)
        except Unavailable as error:
            raise NotYetForgotten(undone, error) from error
        execution_series.renew_when_possible(store, undone.withdrawal.known_at)
    return Undo(undone.withdrawal, undone.is_new, undone.reread, len(renewed))


def withdraw_ingest(store: Store, target: UndoTarget, why: UndoReason) -> Undo:
    """Withdraw as `undo_ingest` does, and leave the states of features to the prediction service,
    which renews them soon."""
    with advisory.exclusive(store.url, states.INGESTING, WHILE_INGESTING):
        return _withdrawn(store, target, why)


def withdraw_actor(store: Store, actor: str, why: UndoReason) -> Withdrawal | None:
    """Withdraw all facts about an actor's executions, whatever brought them in; None: no facts.

    States of features and series of executions are made anew without them, as after an undo.
    """
    with advisory.exclusive(store.url, states.INGESTING, WHILE_INGESTING):
        with store.connect() as connection:
            until_seq = withdrawals.newest_number(connection)
        with store.connect() as connection:
            number = withdrawals.begin(connection, "", None, why.actor, why.reason)
            moved = withdrawals.move_actor(connection, number, actor)
            if not moved:
                withdrawals.cancel(connection, number)
                return None
            withdrawal = _conclude(connection, number, (moved, 0), until_seq)
        states.renew(store)
        execution_series.renew_when_possible(store, withdrawal.known_at)
    return withdrawal


def find_target(store: Store, name: str) -> UndoTarget:
    """What a person means: the number of an ingest, the name of a source, or `source:NAME`.

    Raises BadInput for a number that is the name of a source as well.
    """
    if name.startswith(SOURCE_PREFIX):
        return UndoTarget(source=name.removeprefix(SOURCE_PREFIX))
    if not (name.isascii() and name.isdigit()):
        return UndoTarget(source=name)
    number = int(name)
    with store.connect() as connection:
        is_ingest = withdrawals.has_ingest(connection, number)
        is_source = withdrawals.has_source(connection, name)
    if is_ingest and is_source:
        raise BadInput(
            f"{name} is an ingest and a source; write {SOURCE_PREFIX}{name} for the source, and"
            f" 0{name} for the ingest",
            "target",
        )
    return UndoTarget(source=name) if is_source else UndoTarget(ingest_id=number)


def _withdrawn(store: Store, target: UndoTarget, why: UndoReason) -> Undo:
    with store.connect() as connection:
        until_seq = withdrawals.newest_number(connection)
    with store.connect() as connection:
        return _withdraw(connection, target, why, until_seq)


def _withdraw(connection: Connection, target: UndoTarget, why: UndoReason, until_seq: int) -> Undo:
    if target.ingest_id is not None:
        ingest = _known(withdrawals.read_ingest(connection, target.ingest_id), target.ingest_id)
        if ingest.withdrawal_id is not None:
            return Undo(withdrawals.read(connection, ingest.withdrawal_id), is_new=False)
        number = withdrawals.begin(connection, ingest.source, ingest.id, why.actor, why.reason)
        facts.lock_source(connection, "metrics", ingest.source)
        moved = withdrawals.move_ingest(connection, number, ingest.id)
        withdrawals.mark_undone(connection, number, [ingest.id])
        lineage_runs.forget_ingest(connection, ingest.id)
        reread = withdrawals.reread_others(connection, ingest)
        return Undo(_conclude(connection, number, moved, until_seq), is_new=True, reread=reread)
    source = target.source or ""
    ingests = withdrawals.ingests_of(connection, source)
    number = withdrawals.begin(connection, source, None, why.actor, why.reason)
    facts.lock_source(connection, "metrics", source)
    moved = withdrawals.move_source(connection, number, source, until_seq)
    if not sum(moved) and not ingests:
        return _nothing_of(connection, source, number)
    withdrawals.mark_undone(connection, number, [ingest.id for ingest in ingests])
    lineage_runs.forget_source(connection, source)
    return Undo(_conclude(connection, number, moved, until_seq), is_new=True)


def _conclude(
    connection: Connection, number: int, moved: Sequence[int], until_seq: int
) -> Withdrawal:
    """Make everything forget the facts that were moved; recorders wait from here to the end."""
    withdrawals.renumber(connection, number)
    withdrawn_outcomes.remove_outcomes(connection, number)
    extent = withdrawals.extent(connection, number)
    if extent.first_seq is not None and extent.first_known_at is not None:
        withdrawn_facts.make_stale(connection, extent.first_seq, extent.first_known_at)
        feature_states.lock_out_recorders(connection)
        withdrawals.renumber_late(connection, until_seq)
        feature_states.spoil(connection)
    executions, metrics = moved
    return withdrawals.settle(connection, number, executions, metrics)


def _nothing_of(connection: Connection, source: str, number: int) -> Undo:
    withdrawals.cancel(connection, number)
    before = withdrawals.newest_of(connection, source)
    if before is None:
        raise NotFound(f"source {source!r}: there are no facts of it; see `runlore ingest sources`")
    return Undo(before, is_new=False)


def _known(ingest: IngestRow | None, number: int) -> IngestRow:
    if ingest is None:
        raise NotFound(f"there is no ingest {number}; `runlore ingest sources` shows them")
    if not ingest.numbers_facts:
        raise Refused(
            f"ingest {number} is older than the numbers of ingests in facts: undo its whole source,"
            f" `runlore ingest undo {ingest.source}`, and ingest again what was right of it"
        )
    return ingest
