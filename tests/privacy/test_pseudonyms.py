"""Pseudonyms: the same within a period, without a link to the next, and the secret stays secret."""

import hashlib
import hmac
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from runlore.home import PSEUDONYM_KEY
from runlore.kernel.errors import Misconfigured, Refused
from runlore.privacy.actions.pseudonyms import read_pseudonyms, rotate_pseudonyms
from runlore.privacy.rules.pseudonyms import PURPOSE, Pseudonyms
from runlore.settings import Settings


@given(st.binary(min_size=32, max_size=200), st.text())
def test_it_is_the_hmac_of_the_rfc(secret: bytes, name: str) -> None:
    block = hashlib.sha256(secret).digest() if len(secret) > 64 else secret
    inner, outer = (bytes(b ^ pad for b in block.ljust(64, b"\0")) for pad in (0x36, 0x5C))
    message = hashlib.sha256(inner + PURPOSE + name.encode("utf-8", "surrogatepass")).digest()
    assert Pseudonyms(secret).of(name) == hashlib.sha256(outer + message).hexdigest()


def test_a_period_ends_with_its_secret(settings: Settings) -> None:
    first = read_pseudonyms(settings)
    path = settings.home / PSEUDONYM_KEY
    old = path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_pseudonyms(settings).of("ann") == first.of("ann")
    rotate_pseudonyms(settings)
    assert read_pseudonyms(settings).of("ann") != first.of("ann")
    assert not any(old in one.read_text() for one in settings.home.rglob("*") if one.is_file())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "secret" not in repr(first)


def test_a_secret_that_is_none_is_refused(settings: Settings) -> None:
    short = settings.model_copy(update={"pseudonym_secret": SecretStr("hush")})
    with pytest.raises(Misconfigured, match="4 characters"):
        read_pseudonyms(short)
    declared = settings.model_copy(update={"pseudonym_secret": SecretStr("x" * 32)})
    assert (
        read_pseudonyms(declared).of("ann")
        == hmac.new(b"x" * 32, PURPOSE + b"ann", "sha256").hexdigest()
    )
    with pytest.raises(Refused, match="RUNLORE_PSEUDONYM_SECRET"):
        rotate_pseudonyms(declared)
    read_pseudonyms(settings)
    (settings.home / PSEUDONYM_KEY).chmod(0o644)
    with pytest.raises(Misconfigured, match="chmod 600"):
        read_pseudonyms(settings)
