"""The deadlines of an answer end in the order in which one waits for the other."""

from runlore.kernel import deadlines as d
from runlore.settings import Settings
from runlore.stack import services
from runlore.web.connections import ConnectionLimits


def test_postgresql_gives_up_before_who_waits_for_it() -> None:
    assert d.IDLE_TRANSACTION_S < d.LEDGER_WRITE_MS / 1000, "a lock goes before its waiter"
    assert d.LEDGER_WRITE_MS / 1000 < d.COMMAND_S
    assert d.UNACKNOWLEDGED_MS / 1000 < d.COMMAND_S
    assert max(d.COMMAND_S, d.CONNECT_S, d.POOL_WAIT_S) < d.ANSWER_S


def test_a_refusal_is_written_before_the_request_ends() -> None:
    assert d.ANSWER_S < d.ANSWER_S + d.REFUSAL_S < d.REQUEST_S < d.BENTOML_S


def test_an_answer_that_is_being_written_is_waited_for_until_its_fate_is_known() -> None:
    retry_s = d.POOL_WAIT_S + d.CONNECT_S + d.LEDGER_RETRY_MS / 1000
    assert d.COMMAND_S + d.CLOSE_S + retry_s < d.COMMIT_KNOWN_S


def test_a_process_ends_after_its_requests_and_before_it_is_killed() -> None:
    assert d.REQUEST_S <= d.WORKER_GRACE_S < d.WORKER_END_S <= d.SUPERVISOR_GRACE_S
    assert d.SUPERVISOR_GRACE_S < d.SERVICE_GRACE_S
    serving = next(one for one in services.declare(Settings()) if one.name == "serving")
    assert serving.grace_s == d.SERVICE_GRACE_S
    assert d.SHADOW_GRACE_S < d.WORKER_GRACE_S


def test_connections_stay_open_longer_than_a_request_lasts() -> None:
    limits = ConnectionLimits()
    assert min(limits.body_s, limits.write_s, limits.idle_s) > d.BENTOML_S
    assert min(limits.body_s, limits.write_s) > d.COMMIT_KNOWN_S
