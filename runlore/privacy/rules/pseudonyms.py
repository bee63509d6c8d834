"""Pseudonyms of personas: what shared data name them by."""

import hashlib
import hmac
from dataclasses import dataclass, field

PURPOSE = b"runlore.persona\x00"  # the same secret gives other hashes elsewhere


@dataclass(frozen=True)
class Pseudonyms:
    """secret: of this period. Whoever has it can tell whose a pseudonym is; nobody else can."""

    secret: bytes = field(repr=False)

    def of(self, persona: str) -> str:
        """64 hexadecimal characters: HMAC with SHA-256 (RFC 2104), the same within a period.

        >>> one = Pseudonyms(b"a" * 32)
        >>> one.of("ann") == one.of("ann"), one.of("ann") == Pseudonyms(b"b" * 32).of("ann")
        (True, False)
        """
        return hmac.new(self.secret, PURPOSE + persona.encode(), hashlib.sha256).hexdigest()
