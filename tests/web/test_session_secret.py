"""The secret that signs the console's sessions: made once, private, never too short."""

import stat
from pathlib import Path

import pytest

from runlore.home import SESSION_KEY
from runlore.kernel.errors import Misconfigured
from runlore.web.session_secret import read_session_secret


def test_it_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    secret = read_session_secret(home)
    assert len(secret) == 64
    assert read_session_secret(home) == secret
    assert stat.S_IMODE((home / SESSION_KEY).stat().st_mode) == 0o600
    assert read_session_secret(tmp_path / "other") != secret


@pytest.mark.parametrize(("text", "mode"), [("short\n", 0o600), ("ab" * 32, 0o644)])
def test_a_file_that_others_read_or_that_is_short_is_refused(
    tmp_path: Path, text: str, mode: int
) -> None:
    path = tmp_path / SESSION_KEY
    path.write_text(text, encoding="ascii")
    path.chmod(mode)
    with pytest.raises(Misconfigured, match=SESSION_KEY):
        read_session_secret(tmp_path)
