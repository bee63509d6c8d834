"""Serve an ASGI application in this process, with bounds on its connections."""

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from runlore.web.connections import ConnectionLimits

KEEP_ALIVE_S = 75
GRACE_S = 10  # to answer what is being asked when the server is stopped
WS_MAX_BYTES = 16 << 20
STARTUP_FAILED = 3  # uvicorn's own exit code


def serve(
    app: "ASGIApp", host: str, port: int, *, limits: "ConnectionLimits | None" = None
) -> None:
    """Serve until SIGTERM or SIGINT, then let what is being answered end.

    Client addresses are those of the sockets: headers of a proxy are not believed.
    """
    import uvicorn

    from runlore.web.connections import OpenConnections
    from runlore.web.quiet_server import QuietServer

    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=OpenConnections(limits).protocol,
        ws_max_size=WS_MAX_BYTES,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = QuietServer(config)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        raise SystemExit(STARTUP_FAILED)
