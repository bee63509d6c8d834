"""The secret of pseudonyms: in the environment or the home, never in the database."""

import os
import secrets
from pathlib import Path

from runlore.home import PSEUDONYM_KEY
from runlore.kernel.errors import Misconfigured, Refused
from runlore.privacy.rules.pseudonyms import Pseudonyms
from runlore.settings import Settings
from runlore.web.login import write_once

SECRET_BYTES = 32
MIN_CHARACTERS = 32  # of a secret in the environment


def read_pseudonyms(settings: Settings) -> Pseudonyms:
    """Pseudonyms of this period; the first use makes the secret of a home (mode 0600).

    Raises Misconfigured for a secret that is too short, or that others may read.
    """
    if settings.pseudonym_secret is not None:
        return Pseudonyms(_checked(settings.pseudonym_secret.get_secret_value()))
    path = settings.home / PSEUDONYM_KEY
    if not path.exists():
        write_once(path, f"{secrets.token_hex(SECRET_BYTES)}\n")
    if path.stat().st_mode & 0o077:
        raise Misconfigured(f"{path}: others may read it; run `chmod 600 {path}`")
    return Pseudonyms(_checked(path.read_text(encoding="ascii", errors="replace").strip()))


def rotate_pseudonyms(settings: Settings) -> Path:
    """Begin a new period: replace the secret. Old pseudonyms can be linked to nobody afterwards.

    Returns the file. Raises Refused where the environment holds the secret.
    """
    if settings.pseudonym_secret is not None:
        raise Refused(
            "RUNLORE_PSEUDONYM_SECRET holds the secret of pseudonyms: put another one there,"
            " restart what runs, and destroy the old one"
        )
    path = settings.home / PSEUDONYM_KEY
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    write_once(draft, f"{secrets.token_hex(SECRET_BYTES)}\n")
    draft.replace(path)
    return path


def _checked(secret: str) -> bytes:
    if len(secret) < MIN_CHARACTERS:
        raise Misconfigured(
            f"the secret of pseudonyms has {len(secret)} characters; at least {MIN_CHARACTERS},"
            " such as `openssl rand -hex 32` prints"
        )
    return secret.encode()
