"""Group commit: an answer is given with its row, once, whatever becomes of the connection."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import psycopg
import pytest
from handmade import write_bundle
from sqlalchemy import text

from bentos.http.errors import Overloaded, problem
from bentos.predict import group_commit
from bentos.predict.group_commit import GroupCommit
from runlore.features.keys import KeyParts
from runlore.kernel import instants
from runlore.kernel.errors import CannotWrite, Unavailable, Unsettled
from runlore.models.bundle import Bundle
from runlore.serving.actions import prediction
from runlore.serving.actions.prediction import (
    Predictor,
    Request,
    RequestBatch,
    ServedPrediction,
)
from runlore.serving.actions.prediction_commit import commit
from runlore.serving.actions.refusals import Refusal, refusal_row
from runlore.serving.queries import answering, ledger_writer
from runlore.store.engine import Store, connect

TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'runlore' AND pid <> pg_backend_pid() AND query LIKE '%ledger%'
"""


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return Predictor(Bundle.load(write_bundle(tmp_path_factory.mktemp("b")), "7"))


@pytest.fixture
def commits(store: Store) -> GroupCommit:
    return GroupCommit(lambda: store)


def ask(predictor: Predictor, actor: str = "ann") -> RequestBatch:
    return RequestBatch(predictor, [Request(KeyParts(actor, "build", "", {}))], instants.now())


def rows(store: Store) -> list[tuple[str, int]]:
    with store.begin() as connection:
        found = connection.execute(text("SELECT id::text, status FROM runlore.ledger"))
        return [tuple(row) for row in found]


def together(
    commits: GroupCommit, asks: list[RequestBatch]
) -> list[list[ServedPrediction] | BaseException]:
    async def answered(asked: RequestBatch) -> list[ServedPrediction]:
        return await commits.answer(asked)

    async def run() -> list[list[ServedPrediction] | BaseException]:
        found = await asyncio.gather(*map(answered, asks), return_exceptions=True)
        await commits.close()
        return found

    return asyncio.run(run())


def test_every_answer_has_its_row(commits: GroupCommit, store: Store, predictor: Predictor) -> None:
    answers = together(commits, [ask(predictor, f"actor-{n}") for n in range(200)])
    ids = [str(given[0].id) for given in answers]
    assert len(set(ids)) == 200
    assert sorted(ids) == sorted(each for each, _ in rows(store))


def test_a_refusal_is_written_among_answers(
    commits: GroupCommit, store: Store, predictor: Predictor
) -> None:
    async def run() -> None:
        refused = refusal_row(Refusal("failure-risk", "7", 422, "actor", {}), instants.now())
        await asyncio.gather(commits.answer(ask(predictor)), commits.write(refused))
        await commits.close()

    asyncio.run(run())
    assert sorted(status for _, status in rows(store)) == [200, 422]


def test_one_that_cannot_be_answered_fails_alone(
    commits: GroupCommit, store: Store, predictor: Predictor, tmp_path: Path
) -> None:
    broken = Predictor(Bundle.load(write_bundle(tmp_path), "8"))
    object.__setattr__(broken.bundle, "reference", None)
    answers = together(commits, [ask(predictor), ask(broken), ask(predictor)])
    assert [isinstance(each, Exception) for each in answers] == [False, True, False]
    assert len(rows(store)) == 2


@pytest.mark.parametrize("is_written", [True, False])
def test_a_connection_lost_while_writing_neither_loses_nor_doubles_a_row(
    commits: GroupCommit,
    store: Store,
    predictor: Predictor,
    monkeypatch: pytest.MonkeyPatch,
    is_written: bool,
) -> None:
    """Lost after PostgreSQL had the rows, or before: the client cannot tell."""
    write, lost = ledger_writer.add_async, []

    async def lose(connection: answering.AsyncConnection, given: list) -> None:
        if is_written:
            await write(connection, given)
        await connection.close()
        lost.extend(given)
        raise asyncpg.ConnectionDoesNotExistError("it was closed in the middle of operation")

    monkeypatch.setattr(ledger_writer, "add_async", lose)
    [[answer]] = together(commits, [ask(predictor)])
    assert len(lost) == 1
    assert rows(store) == [(str(answer.id), 200)]


def test_rows_that_may_be_there_are_not_answered_anew_when_the_repeat_fails(
    commits: GroupCommit, store: Store, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as by a server that may only be read after it took another's place."""
    write, write_again = ledger_writer.add_async, ledger_writer.add_again

    async def lose(connection: answering.AsyncConnection, given: list) -> None:
        await write(connection, given)
        monkeypatch.setattr(ledger_writer, "add_async", write)
        raise asyncpg.ConnectionDoesNotExistError("it was closed in the middle of operation")

    def only_read(connection: psycopg.Connection, given: list) -> None:
        connection.execute("SET TRANSACTION READ ONLY")
        write_again(connection, given)

    together(commits, [ask(predictor)])
    monkeypatch.setattr(ledger_writer, "add_async", lose)
    monkeypatch.setattr(ledger_writer, "add_again", only_read)
    found = together(GroupCommit(lambda: store), [ask(predictor), ask(predictor)])
    assert [type(each) for each in found] == [Unsettled, Unsettled]
    assert "Retry-After" not in problem(found[0]).headers
    assert len(rows(store)) == 3


def test_backends_that_are_killed_meanwhile_cost_no_answer(
    commits: GroupCommit, store: Store, predictor: Predictor
) -> None:
    async def run() -> list[list[ServedPrediction]]:
        async def client(n: int) -> list[ServedPrediction]:
            return [(await commits.answer(ask(predictor, f"{n}-{i}")))[0] for i in range(30)]

        async def kill() -> None:
            for _ in range(5):
                await asyncio.sleep(0.05)
                await asyncio.to_thread(terminate, store)

        *answers, _ = await asyncio.gather(*(client(n) for n in range(8)), kill())
        await commits.close()
        return answers

    ids = [str(each.id) for given in asyncio.run(run()) for each in given]
    assert sorted(ids) == sorted(each for each, _ in rows(store))
    assert len(ids) == 240


def terminate(store: Store) -> None:
    with store.connect() as connection:
        connection.execute(TERMINATE)


def test_who_comes_when_too_many_wait_is_turned_away(
    commits: GroupCommit, store: Store, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MOST_WAITING", 3)
    answers = together(commits, [ask(predictor) for _ in range(40)])
    turned_away = [each for each in answers if isinstance(each, Overloaded)]
    assert 0 < len(turned_away) < 40
    assert len(rows(store)) == 40 - len(turned_away)


def test_what_nobody_waits_for_any_more_takes_nobodys_place(
    commits: GroupCommit, store: Store, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MOST_WAITING", 3)

    async def run() -> list[ServedPrediction]:
        gone = [asyncio.ensure_future(commits.answer(ask(predictor))) for _ in range(3)]
        await asyncio.sleep(0)
        for each in gone:
            each.cancel()
        await asyncio.gather(*gone, return_exceptions=True)
        answers = await commits.answer(ask(predictor))
        await commits.close()
        return answers

    [given] = asyncio.run(run())
    assert [str(given.id)] == [each for each, _ in rows(store)]


def test_without_a_database_nobody_waits_for_long(predictor: Predictor) -> None:
    away = connect("postgresql://127.0.0.1:1/nothing?connect_timeout=1")
    commits = GroupCommit(lambda: away)
    [answer] = together(commits, [ask(predictor)])
    assert isinstance(answer, Unavailable)


def test_without_a_ledger_answers_are_given_and_nothing_is_written(
    store: Store, predictor: Predictor
):
    commits = GroupCommit(lambda: store, has_ledger=False)
    [[given]] = together(commits, [ask(predictor)])
    assert given.history == "known"
    assert commit(store, ask(predictor), has_ledger=False)[0].version == "7"
    assert rows(store) == []


def test_with_no_database_on_purpose_those_who_come_together_are_answered_together(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by its own version, for its own instant; what goes wrong with one is its own."""
    sizes: list[int] = []
    answer_alone = prediction.answer_alone
    monkeypatch.setattr(
        prediction, "answer_alone", lambda asks: sizes.append(len(asks)) or answer_alone(asks)
    )
    broken = Predictor(Bundle.load(write_bundle(tmp_path), "8"))
    object.__setattr__(broken.bundle, "reference", None)
    at = datetime(2031, 1, 31, tzinfo=UTC)
    asks = [ask(predictor), replace(ask(predictor, "bob"), as_of=at), ask(broken)]
    first, second, failed = together(GroupCommit(None), asks)
    assert sizes == [3]
    assert isinstance(failed, Exception)
    assert [each.history for each in (*first, *second)] == ["absent", "absent"]
    assert [each.as_of for each in (*first, *second)] == [asks[0].at, at]
    alone = [commit(None, each)[0].prediction for each in asks[:2]]
    assert [first[0].prediction, second[0].prediction] == pytest.approx(alone, abs=1e-6)


def test_who_closes_waits_for_what_was_asked(
    commits: GroupCommit, store: Store, predictor: Predictor
) -> None:
    async def run() -> None:
        asked = [asyncio.ensure_future(commits.answer(ask(predictor))) for _ in range(3)]
        await asyncio.sleep(0)
        await commits.close()
        assert all(each.done() for each in asked)

    asyncio.run(run())
    assert len(rows(store)) == 3


def test_the_first_rows_of_a_month_make_its_partition(
    commits: GroupCommit, store: Store, predictor: Predictor
) -> None:
    first = datetime(2031, 1, 31, 23, 59, 59, tzinfo=UTC)
    asks = [replace(ask(predictor), at=at) for at in (first, first + timedelta(seconds=2))]
    assert len([each for each in together(commits, asks) if isinstance(each, list)]) == 2
    assert len(rows(store)) == 2


def test_a_row_that_postgresql_refuses_harms_only_itself(
    commits: GroupCommit, store: Store, predictor: Predictor
) -> None:
    async def run() -> list[list[ServedPrediction] | BaseException | None]:
        row = refusal_row(Refusal("failure-risk", "7", 422, "actor", {}), instants.now())
        poison = commits.write(replace(row, error="\x00"))
        asks = [commits.answer(ask(predictor)) for _ in range(3)]
        found = await asyncio.gather(*asks, poison, return_exceptions=True)
        await commits.close()
        return found

    *answers, poisoned = asyncio.run(run())
    assert isinstance(poisoned, asyncpg.CharacterNotInRepertoireError)
    ids = [str(given[0].id) for given in answers]
    assert sorted(rows(store)) == sorted((each, 200) for each in ids)


def test_a_refusal_s_row_has_no_nul() -> None:
    row = refusal_row(Refusal("failure-risk", "7", 422, "x\x00: wrong", {}), instants.now())
    assert row.error == "x\ufffd: wrong"


def test_who_has_gone_is_not_answered_and_those_who_come_later_are(
    commits: GroupCommit, store: Store, predictor: Predictor
) -> None:
    async def run() -> list[ServedPrediction]:
        gone = asyncio.ensure_future(commits.answer(ask(predictor)))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0.01)
        found = await commits.answer(ask(predictor))
        await commits.close()
        return found

    [answer] = asyncio.run(run())
    assert rows(store) == [(str(answer.id), 200)]


def test_a_disk_without_room_is_a_refusal_that_is_not_tried_twice_and_is_logged_once(
    commits: GroupCommit,
    store: Store,
    predictor: Predictor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def no_room(*_: object) -> None:
        raise asyncpg.DiskFullError('could not extend file "base/5/1": No space left on device')

    def again(*_: object) -> None:
        raise AssertionError("nothing is there to be found again")

    with monkeypatch.context() as full:
        full.setattr(ledger_writer, "add_async", no_room)
        full.setattr(ledger_writer, "add_again", again)
        refused = together(commits, [ask(predictor, f"actor-{n}") for n in range(100)])
    assert {type(refusal) for refusal in refused} == {CannotWrite}
    assert rows(store) == []
    answer = problem(CannotWrite("no room"))
    assert (answer.status, answer.headers) == (503, {"Retry-After": "10"})
    assert caplog.text.count("requests are refused") == 1
    later = GroupCommit(lambda: store, _has_room=False)
    assert len(together(later, [ask(predictor)])) == len(rows(store)) == 1
    assert "the ledger can be written again" in caplog.text
