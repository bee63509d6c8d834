"""Every deadline of an answer over HTTP, in one table.

It lies in the kernel because the database's side of an answer (`store`, `serving`) and the
server's side (`bentos`) both read it. What is inside has the shorter time: then the part that
knows the cause reports it, before the part that waits gives up. `tests/serving/test_deadlines.py`
asserts the order.
"""

# PostgreSQL, and the way to it
LEDGER_RETRY_MS = 2_000  # to write rows once more after a connection was lost
CONNECT_S = 4  # to open a connection
UNACKNOWLEDGED_MS = 5_000  # until data that a server has not acknowledged means that it is gone
IDLE_TRANSACTION_S = 5  # until PostgreSQL ends a recorder that holds its locks and does nothing
POOL_WAIT_S = 5.0  # to get a connection of the pool
LEDGER_WRITE_MS = 5_500  # until PostgreSQL ends a statement of a group commit
COMMAND_S = 6.0  # to wait for PostgreSQL's reply; asyncpg's only way to miss a silent server
CLOSE_S = 1.0  # to close a connection in good order

# A request, from its first byte
ANSWER_S = 9.0  # to its answer; later it is refused
REFUSAL_S = 0.8  # on top, to write the refusal; later it is sent before its row is there
REQUEST_S = ANSWER_S + 1  # to the end of every request
BENTOML_S = REQUEST_S + 2  # BentoML's own limit, which must never be the first
CHAT_S = 60.0  # to the end of a chat, in which a language model may be asked several times
COMMIT_KNOWN_S = 25.0  # to learn whether an answer that is being written is on the ledger

# The end of a process, from SIGTERM
SHADOW_GRACE_S = 2.0  # until a worker kills its shadow process
WORKER_GRACE_S = 10  # for a worker to answer what it has begun
WORKER_END_S = 15.0  # until a worker whose supervisor is gone ends itself
SUPERVISOR_GRACE_S = 15.0  # until the supervisor kills its workers
SERVICE_GRACE_S = SUPERVISOR_GRACE_S + 2  # until `runlore up` kills the whole service

# A command before a run, which must never keep the run waiting
COMMAND_ANSWER_S = 10.0  # to its answer, unless `--timeout` says otherwise
COMMAND_END_S = 3.0  # on top, to close what it has opened; later it ends as it is
