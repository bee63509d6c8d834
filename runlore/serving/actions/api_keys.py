"""Make, list, replace and revoke the keys of the prediction service, and check one.

A key is `rl_<id>_<secret>`. The secret is 256 random bits, so a plain SHA-256 of it is enough:
a slow or salted hash protects words that people choose, which can be guessed; this cannot.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest

from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.serving.queries import api_keys
from runlore.serving.queries.api_keys import ApiKey
from runlore.store.engine import Store

SCOPES = {
    "predict": "POST /predict/…",
    "record": "POST /executions…, /alerts/…",
    "read": "GET /executions, /predictions, /alerts, /metrics",
    "train": "POST /api/v3/model-training, /ai/learning/train-models",
    "admin": "all of these",
}
LIVE_AT_ONCE = 2  # per name: the new key and the one that it replaces

PREFIX = "rl"
ID_BYTES, SECRET_BYTES = 5, 32
LONGEST_NAME = 100


@dataclass(frozen=True)
class NewKey:
    """A new key. text: what its owner sends; shown once, kept nowhere."""

    key: ApiKey
    text: str = field(repr=False)


def create(
    store: Store, name: str, scopes: Sequence[str], at: datetime, expires_at: datetime | None = None
) -> NewKey:
    """Make a key. Refused when its name already has two live ones."""
    _check(name, scopes, at, expires_at)
    secret = secrets.token_hex(SECRET_BYTES)
    ordered_scopes = tuple(scope for scope in SCOPES if scope in scopes)
    key = ApiKey(secrets.token_hex(ID_BYTES), name, digest(secret), ordered_scopes, at, expires_at)
    with api_keys.writing(store) as writer:
        known = [live_key.id for live_key in writer.live(name, at)]
        if len(known) >= LIVE_AT_ONCE:
            raise Refused(
                f"{name!r} has {len(known)} live keys, {' and '.join(known)}; move its clients to "
                "one of them and revoke the other: runlore keys revoke ID"
            )
        writer.add(key)
    return NewKey(key, f"{PREFIX}_{key.id}_{secret}")


def rotate(store: Store, key_id: str, at: datetime, lasting: timedelta | None = None) -> NewKey:
    """Make a key with the name and scopes of another, which goes on until it is revoked.

    lasting: from now; None: as long as the other one was to last.
    """
    old = _find(store, key_id)
    if not old.is_live(at):
        raise Refused(f"key {key_id} works no more; make another: runlore keys create {old.name}")
    if lasting is None and old.expires_at is not None:
        lasting = old.expires_at - old.created_at
    return create(store, old.name, old.scopes, at, None if lasting is None else at + lasting)


def revoke(store: Store, key_id: str, at: datetime) -> ApiKey:
    """Revoke a key for good. A key that was revoked before stays as it is."""
    _find(store, key_id)
    with api_keys.writing(store) as writer:
        writer.revoke(key_id, at)
    return _find(store, key_id)


def check(known: Mapping[str, ApiKey], text: str, at: datetime) -> ApiKey | None:
    """Return the live key that a text stands for, or None.

    known: by id. The secret is compared in constant time.
    """
    key_id, secret = parts(text)
    key = known.get(key_id)
    if key is None or not compare_digest(digest(secret), key.hash) or not key.is_live(at):
        return None
    return key


def parts(text: str) -> tuple[str, str]:
    """Split a key into its id and its secret; both are empty where the text is not a key.

    >>> parts("rl_0a1b2c3d4e_5f"), parts("something else")
    (('0a1b2c3d4e', '5f'), ('', ''))
    """
    prefix, _, rest = text.partition("_")
    key_id, _, secret = rest.partition("_")
    return (key_id, secret) if prefix == PREFIX else ("", "")


def digest(secret: str) -> str:
    """Return the SHA-256 of a secret, which is all that is stored of a key."""
    return sha256(secret.encode()).hexdigest()


def allows(key: ApiKey, scope: str) -> bool:
    """Return whether a key has a scope; `admin` includes all scopes."""
    return scope in key.scopes or "admin" in key.scopes


def state(key: ApiKey, at: datetime) -> str:
    """Return `live`, `expired` or `revoked`: the state of a key at an instant."""
    if key.revoked_at is not None:
        return "revoked"
    return "live" if key.is_live(at) else "expired"


def _find(store: Store, key_id: str) -> ApiKey:
    with api_keys.writing(store) as writer:
        key = writer.find(key_id)
    if key is None:
        raise NotFound(f"no key has the id {key_id!r}; `runlore keys list` shows them")
    return key


def _check(name: str, scopes: Sequence[str], at: datetime, expires_at: datetime | None) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadInput(f"name: {name!r} is not one line of 1 to {LONGEST_NAME} letters", "name")
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        wrong = f"{unknown[0]!r} is unknown" if unknown else "none is given"
        raise BadInput(f"scope: {wrong}; there are: {', '.join(SCOPES)}", "scope")
    if expires_at is not None and expires_at <= at:
        raise BadInput("expires_at: is in the past; choose a later instant", "expires_at")
