"""The login of a home: one user and one generated password, for Prefect's and MLflow's pages."""

import base64
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from runlore.home import LOGIN, private_home
from runlore.kernel.errors import Misconfigured

USER = "runlore"
PASSWORD_BYTES = 24  # 192 random bits


@dataclass(frozen=True)
class Login:
    """A user name and its password."""

    user: str
    password: str = field(repr=False)

    @property
    def text(self) -> str:
        """`user:password`, as HTTP Basic authentication and Prefect's auth string have it."""
        return f"{self.user}:{self.password}"

    @property
    def header(self) -> str:
        """The value of the `Authorization` header."""
        return f"Basic {base64.b64encode(self.text.encode()).decode()}"

    def admits(self, header: str) -> bool:
        """Whether an `Authorization` header holds this login, compared in constant time."""
        scheme, _, credentials = header.partition(" ")
        expected = self.header.partition(" ")[2]
        return scheme.lower() == "basic" and hmac.compare_digest(credentials.strip(), expected)


def login_file(home: Path) -> Path:
    return home / LOGIN


def parse_login(text: str, source: str) -> Login:
    """Read `user:password`.

    Raises:
        Misconfigured: there is no user, no password, or no colon between them.
    """
    user, colon, password = text.strip().partition(":")
    if not (user and colon and password and text.strip().isascii()):
        raise Misconfigured(f"{source}: must be `user:password` in ASCII")
    return Login(user, password)


def read_login(home: Path) -> Login:
    """Read the login of a home, and generate it at the first time (mode 0600).

    Several processes may come first at once: the file of one of them stands, whole.

    Raises:
        Misconfigured: the file is no login, or others may read it.
    """
    path = login_file(home)
    if not path.exists():
        write_once(path, f"{USER}:{secrets.token_urlsafe(PASSWORD_BYTES)}\n")
    if path.stat().st_mode & 0o077:
        raise Misconfigured(f"{path}: others may read it; run `chmod 600 {path}`")
    return parse_login(path.read_text(encoding="ascii", errors="replace"), str(path))


def write_once(path: Path, text: str) -> None:
    """Write a private file unless it is there; of several writers one stands, whole."""
    private_home(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return
    finally:
        draft.unlink()
