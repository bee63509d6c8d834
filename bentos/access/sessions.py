"""Sessions of the console: a browser that has signed in once shows a signed cookie instead.

The cookie names the key and an instant, and holds no part of the key. Its signature takes the
hash of the key and a secret of the home: a revoked key ends its sessions, and neither the database
nor the home alone is enough to forge one. A session of the home's login takes the hash of the
login in place of a key's. Every worker of a home accepts a cookie; nothing is stored.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from starlette.requests import Request

from bentos.access.home_login import LOGIN_ID, HomeLogin
from bentos.access.key_cache import Keys
from runlore.kernel.durations import HOUR_S
from runlore.serving.queries.api_keys import ApiKey
from runlore.web.session_secret import read_session_secret

COOKIE = "runlore_session"
LASTS_S = 8 * HOUR_S
LONGEST = 300  # characters; ours are shorter


@dataclass
class Sessions:
    """keys: None: nobody needs a key, and there are no sessions. home: where the secret is.

    login: of the home; None: nobody signs in by it.
    """

    keys: Keys | None
    home: Path
    login: HomeLogin | None = None

    def issue(self, key: ApiKey, at: datetime) -> str:
        """The cookie of a new session of a key."""
        body = f"{key.id}.{int(at.timestamp() + LASTS_S)}.{secrets.token_urlsafe(12)}"
        return f"{body}.{self._signature(body, key)}"

    def find(self, text: str, at: datetime) -> ApiKey | None:
        """The live key of a session; None when it is over, or never was."""
        body, _, signature = text[:LONGEST].rpartition(".")
        key_id, _, rest = body.partition(".")
        expires = rest.partition(".")[0]
        if self.keys is None or not (expires.isascii() and expires.isdecimal()):
            return None
        key = self._key(key_id, self.keys, at)
        if key is None or not _is_equal(signature, self._signature(body, key)):
            return None
        return key if at.timestamp() < int(expires) else None

    def of(self, request: Request, at: datetime) -> ApiKey | None:
        """The key of a request's session."""
        text = request.cookies.get(COOKIE, "")
        return self.find(text, at) if text else None

    def form_token(self, request: Request) -> str:
        """What the forms of a page hold: pages of other sites cannot read it.

        It is of the session, and without one of the home.
        """
        return self._mac(f"form {request.cookies.get(COOKIE, '')[:LONGEST]}")

    def is_form_token(self, request: Request, text: str) -> bool:
        return _is_equal(text, self.form_token(request))

    def _key(self, key_id: str, keys: Keys, at: datetime) -> ApiKey | None:
        if key_id == LOGIN_ID:
            return None if self.login is None else self.login.key()
        return keys.of_id(key_id, at)

    @cached_property
    def _secret(self) -> bytes:
        return read_session_secret(self.home)

    def _signature(self, body: str, key: ApiKey) -> str:
        return self._mac(f"session {body} {key.hash}")

    def _mac(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), "sha256").hexdigest()


def _is_equal(one: str, other: str) -> bool:
    """Compared in constant time, whatever characters they hold."""
    return hmac.compare_digest(one.encode(), other.encode())
