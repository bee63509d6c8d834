"""One worker process of `bentos.server`: BentoML's application, served on the socket that it gets.

It does what BentoML's own worker does, with bounds on its connections.
"""

import argparse
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module

import uvicorn

from bentos.http.ending import begin_end
from bentos.http.logs import SERVICE
from bentos.server import READY
from runlore import process
from runlore.kernel.deadlines import WORKER_END_S, WORKER_GRACE_S
from runlore.web.connections import OpenConnections
from runlore.web.quiet_server import QuietServer

WEBSOCKET_BYTES = 16 << 10  # of a message from a client


class Server(QuietServer):
    """Says when it is ready to answer."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await begin_end()
        await super().shutdown(sockets)


def main() -> None:
    process.begin(SERVICE)
    options = argparse.ArgumentParser(prog="python -m bentos.worker", description=__doc__)
    options.add_argument("service", help="module:attribute")
    options.add_argument("--fd", type=int, required=True, help="the listening socket")
    options.add_argument("--lifeline", type=int, required=True, help="a socket to the supervisor")
    options.add_argument("--index", type=int, required=True)
    arguments = options.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C comes to the supervisor, too
    lifeline, listener = (
        socket.socket(fileno=arguments.lifeline),
        socket.socket(fileno=arguments.fd),
    )
    for inherited in (lifeline, listener):
        inherited.set_inheritable(False)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    config = uvicorn.Config(
        _application(arguments.service, arguments.index),
        http=OpenConnections().protocol,
        ws="websockets-sansio",
        ws_max_size=WEBSOCKET_BYTES,
        ws_per_message_deflate=False,  # it costs memory and time for each client
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=WORKER_GRACE_S,
    )
    Server(config, lambda: lifeline.send(READY)).run(sockets=[listener])


def _end_with(lifeline: socket.socket) -> None:
    """End when the supervisor is gone."""
    with suppress(ConnectionError):  # it was killed before it had read what we sent
        lifeline.recv(1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(WORKER_END_S)
    os._exit(1)


def _application(service: str, index: int) -> Callable[..., object]:
    """The ASGI application of a BentoML service, with what BentoML's parts look up beside it."""
    from bentoml._internal.context import server_context

    logging.getLogger("bentoml").setLevel(logging.INFO)  # BentoML's own set-up disables our loggers
    server_context.worker_index = index
    server_context.service_type = "entry_service"
    module, _, name = service.partition(":")
    loaded = getattr(import_module(module), name)
    server_context.service_name = server_context.bento_name = loaded.name
    server_context.bento_version = "not available"
    server_context.service_routes = []
    application: Callable[..., object] = loaded.to_asgi(is_main=True)
    return application


if __name__ == "__main__":
    main()
