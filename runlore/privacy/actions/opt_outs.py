"""Opt a persona out of what leaves it, and in again."""

from dataclasses import dataclass

from runlore.kernel.errors import BadInput
from runlore.privacy.queries import opt_outs
from runlore.privacy.queries.opt_outs import OptOut
from runlore.records.names import trimmed
from runlore.records.validate import LONGEST_KEY_BYTES
from runlore.store.engine import Store

LONGEST_REASON = 1_000


@dataclass(frozen=True)
class OptOutChange:
    """has_changed: False where it stood like that before. is_known: the log has rows of it."""

    persona: str
    is_out: bool
    has_changed: bool
    is_known: bool


def set_opt_out(store: Store, change: OptOut) -> OptOutChange:
    """Write it down; it holds for all that is read once this returns. Repeating it is harmless.

    Raises BadInput for a name that no actor of a log can have, or a reason that is too long.
    """
    persona = checked_persona(change.persona)
    if len(change.reason) > LONGEST_REASON or "\x00" in change.reason:
        raise BadInput(f"reason: at most {LONGEST_REASON} characters, without NUL", "reason")
    kept = OptOut(change.known_at, persona, change.is_out, change.actor, change.reason)
    with store.connect() as connection:
        has_changed = opt_outs.insert_change(connection, kept)
        is_known = opt_outs.has_executions(connection, persona)
    return OptOutChange(persona, change.is_out, has_changed, is_known)


def checked_persona(name: str) -> str:
    """The name as the log keeps it. Raises BadInput for what no log can hold."""
    plain = trimmed(name)
    if not plain or "\x00" in plain or len(plain.encode()) > LONGEST_KEY_BYTES:
        hint = f"an actor's name has 1 to {LONGEST_KEY_BYTES} bytes, without NUL"
        raise BadInput(f"persona: {name[:80]!r} is no persona; {hint}", "persona")
    return plain
