"""The home's login as an identity: whoever knows its password may do everything.

It is read again when its file changes, so that a changed password ends what was signed in by it.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request

from runlore.kernel import instants
from runlore.kernel.errors import Misconfigured, Unavailable
from runlore.serving.actions.api_keys import digest
from runlore.serving.queries.api_keys import ApiKey
from runlore.web.login import Login, login_file, read_login

LOGIN_ID = "login"  # in place of a key's id; those of keys are hexadecimal
BASIC = "basic"
FileState = tuple[int, int, int]  # inode, time of the last change in ns, size


@dataclass
class HomeLogin:
    """The login in the file of a home, which need not be there yet."""

    home: Path
    _read: tuple[FileState, Login] | None = field(default=None, repr=False)

    def key(self) -> ApiKey | None:
        """What a session of the login may do, under the login's name; None: there is no login."""
        login = self._current()
        return None if login is None else _identity(login)

    def find(self, user: str, password: str) -> ApiKey | None:
        """The login, if that is its user and password; compared in constant time."""
        login = self._current()
        if login is None:
            return None
        is_right = hmac.compare_digest(digest(f"{user}:{password}"), digest(login.text))
        return _identity(login) if is_right else None

    def of_password(self, password: str) -> ApiKey | None:
        """The login, if that is its password: a form asks for no user."""
        login = self._current()
        return None if login is None else self.find(login.user, password)

    def _current(self) -> Login | None:
        state = _file_state(login_file(self.home))
        if state is None:
            return None
        if self._read is None or self._read[0] != state:
            try:
                self._read = state, read_login(self.home)
            except Misconfigured as error:
                raise Unavailable(
                    "the login of this home cannot be used; `runlore login` says why"
                ) from error
        return self._read[1]


def sent_login(request: Request) -> tuple[str, str] | None:
    """User and password of HTTP Basic authentication; None: the request brings none."""
    header = dict(request.scope["headers"]).get(b"authorization", b"").decode("latin-1")
    scheme, _, text = header.partition(" ")
    if scheme.lower() != BASIC:
        return None
    try:
        user, _, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return user, password


def _identity(login: Login) -> ApiKey:
    return ApiKey(LOGIN_ID, login.user, digest(login.text), ("admin",), instants.EPOCH)


def _file_state(path: Path) -> FileState | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
