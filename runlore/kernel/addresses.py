"""Addresses that may hold a login."""

from pydantic import SecretStr

from runlore.kernel.redaction import redact


class Address(SecretStr):
    """An address that may hold a login; printed without it.

    >>> Address("http://ann:hush@host:5000")
    Address('http://***@host:5000')
    """

    def _display(self) -> str:
        return redact(self.get_secret_value())
