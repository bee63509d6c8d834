"""A link that signs in to the console: signed by the home, good for five minutes and once.

Only who may read the home's private files can make one. Its signature takes the secret of the
sessions and the login: a changed password ends links, too.
"""

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from runlore.web.login import read_login
from runlore.web.session_secret import read_session_secret

PATH, TOKEN = "/console/link", "token"
LASTS_S = 300
LONGEST = 200  # characters; ours are shorter
NONCE_BYTES = 16
SECONDS_DIGITS = 11  # of an instant in seconds since 1970


@dataclass(frozen=True)
class ConsoleLink:
    """id: public; what is remembered of a link that was used. token: what the address holds."""

    id: str
    expires_at: datetime
    token: str = field(repr=False)

    def address(self, url: str) -> str:
        """The address on a service."""
        return f"{url.rstrip('/')}{PATH}?{TOKEN}={self.token}"


def make_link(home: Path, at: datetime) -> ConsoleLink:
    """Make a link; the login and the secret of the home are generated at the first time."""
    return _link(home, secrets.token_urlsafe(NONCE_BYTES), int(at.timestamp()) + LASTS_S)


def find_link(home: Path, token: str, at: datetime) -> ConsoleLink | None:
    """The link that a token stands for; None when it is forged, over, or of another login."""
    link_id, _, rest = token[:LONGEST].partition(".")
    expires = rest.partition(".")[0]
    if not (expires.isascii() and expires.isdecimal() and len(expires) <= SECONDS_DIGITS):
        return None
    link = _link(home, link_id, int(expires))
    is_signed = hmac.compare_digest(token.encode(), link.token.encode())
    return link if is_signed and at < link.expires_at else None


def _link(home: Path, link_id: str, expires_s: int) -> ConsoleLink:
    body = f"{link_id}.{expires_s}"
    message = f"link {body} {read_login(home).text}"
    signature = hmac.new(read_session_secret(home), message.encode(), "sha256").hexdigest()
    return ConsoleLink(link_id, datetime.fromtimestamp(expires_s, UTC), f"{body}.{signature}")
