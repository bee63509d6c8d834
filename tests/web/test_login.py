"""The login of a home is generated once, read by its owner alone, and compared whole."""

import multiprocessing
import stat
from pathlib import Path

import pytest

from runlore.kernel.errors import Misconfigured
from runlore.web.login import Login, login_file, parse_login, read_login


def test_it_is_generated_once_for_the_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = read_login(home)
    assert read_login(home) == first
    assert len(first.password) >= 32
    assert stat.S_IMODE(login_file(home).stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["login"]


def test_two_homes_have_two_passwords(tmp_path: Path) -> None:
    assert read_login(tmp_path / "a").password != read_login(tmp_path / "b").password


def test_processes_that_come_first_at_once_agree(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(8) as pool:
        logins = pool.map(read_login, [tmp_path] * 32)
    assert len({login.text for login in logins}) == 1


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    read_login(tmp_path)
    login_file(tmp_path).chmod(0o644)
    with pytest.raises(Misconfigured, match="chmod 600"):
        read_login(tmp_path)


@pytest.mark.parametrize("text", ["", "user", "user:", ":password", "üser:password"])
def test_what_is_no_login_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match="user:password"):
        parse_login(text, "the file")


def test_a_header_admits_only_the_whole_login() -> None:
    login = Login("runlore", "secret")
    assert login.admits(login.header)
    assert login.admits(login.header.replace("Basic", "basic"))
    for header in ("", "Basic", "Basic ", login.header[:-2], f"Bearer {login.header[6:]}"):
        assert not login.admits(header)


def test_a_password_is_not_shown_with_its_login() -> None:
    assert "secret" not in repr(Login("runlore", "secret"))
