"""TCP ports: is one free, and which one is."""

import errno
import socket
from dataclasses import dataclass

from runlore.kernel.errors import Misconfigured


@dataclass(frozen=True)
class Port:
    """A port and the field of the settings that it came from."""

    number: int
    field: str

    @property
    def setting(self) -> str:
        return f"RUNLORE_{self.field.upper()}"


def is_free(host: str, number: int) -> bool:
    """Bind for a moment, the way servers do: connections that linger do not count."""
    try:
        bound(host, number)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise Misconfigured(
            f"RUNLORE_HOST={host}, port {number}: cannot be listened on ({error.strerror}); "
            "use an address of this machine and a port above 1023"
        ) from error
    return True


def free_port(host: str) -> int:
    """A port that was free a moment ago."""
    return bound(host, 0)


def bound(host: str, number: int) -> int:
    """Bind and let go again; return the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, number))
        return int(probe.getsockname()[1])


def insist(host: str, port: Port, name: str) -> None:
    """Refuse a port that somebody uses, naming its setting and a port that is free."""
    if not is_free(host, port.number):
        raise Misconfigured(
            f"port {port.number} for {name} is in use by another program; stop that program, "
            f"or choose another port: {port.setting}={free_port(host)}"
        )
