"""The secret of a home that signs the console's sessions: 256 random bits in a private file."""

import secrets
from pathlib import Path

from runlore.home import SESSION_KEY
from runlore.kernel.errors import Misconfigured
from runlore.web.login import write_once

SECRET_BYTES = 32


def read_session_secret(home: Path) -> bytes:
    """Read the secret, and generate it at the first time (mode 0600).

    Raises:
        Misconfigured: others may read the file, or it is too short to be a secret.
    """
    path = home / SESSION_KEY
    if not path.exists():
        write_once(path, f"{secrets.token_hex(SECRET_BYTES)}\n")
    if path.stat().st_mode & 0o077:
        raise Misconfigured(f"{path}: others may read it; run `chmod 600 {path}`")
    text = path.read_text(encoding="ascii", errors="replace").strip()
    if len(text) < 2 * SECRET_BYTES:
        raise Misconfigured(f"{path}: is no secret; remove it, and the next login makes another")
    return text.encode()
