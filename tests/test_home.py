"""Nobody but its owner reads what is in a home, whoever owns it and however old it is."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runlore.home import private_home
from runlore.store import embedded

ROOT = Path(__file__).parents[1]
STRANGER = ("setpriv", "--reuid=54321", "--regid=54321", "--clear-groups")
READS_ALL = (  # to start this interpreter, wherever it is
    *("--securebits=+no_setuid_fixup", "--inh-caps=+dac_read_search"),
    "--ambient-caps=+dac_read_search",
)
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv"
)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def readable_by_a_stranger(home: Path) -> list[str]:
    command = (*STRANGER, "find", str(home), "-mindepth", "1", "-readable")
    listed = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    return listed.stdout.splitlines()


def open_to_others(home: Path) -> list[str]:
    command = ("find", str(home), "!", "-type", "l", "-perm", "/077")
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.fixture
def old_home(short_tmp: Path) -> Path:
    """A home as it was made when nothing was private."""
    short_tmp.chmod(0o755)
    home = short_tmp / "home"
    for folder in (home, home / "serving", home / "serving" / "3"):
        folder.mkdir()
        folder.chmod(0o755)
    for file in (home / "serving" / "3" / "bundle.json", home / "alerts.beat", home / "notes"):
        file.write_text("{}")
        file.chmod(0o644)
    return home


def test_a_new_home_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    private_home(tmp_path / "a" / "home")
    assert mode(tmp_path / "a" / "home") == 0o700


@needs_root
def test_an_old_home_is_closed_when_it_is_used_again(old_home: Path) -> None:
    assert len(readable_by_a_stranger(old_home)) == 5
    private_home(old_home)
    assert readable_by_a_stranger(old_home) == []
    assert mode(old_home) == 0o700


def test_in_a_folder_for_everybody_only_what_is_ours_is_closed(old_home: Path) -> None:
    old_home.chmod(0o1777)
    private_home(old_home)
    assert mode(old_home) == 0o1777
    assert mode(old_home / "serving") == 0o700
    assert mode(old_home / "alerts.beat") == 0o600
    assert mode(old_home / "notes") == 0o644


def test_a_users_own_folder_keeps_its_mode(old_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(old_home))
    private_home(old_home)
    assert (mode(old_home), mode(old_home / "serving")) == (0o755, 0o700)


def test_links_do_not_lead_to_files_outside(old_home: Path, tmp_path: Path) -> None:
    for name in ("linked", "second"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o644)
    (old_home / "login").symlink_to(tmp_path / "linked")
    os.link(tmp_path / "second", old_home / "logs")
    private_home(old_home)
    assert mode(tmp_path / "linked") == mode(tmp_path / "second") == 0o644


def test_a_home_that_lets_pass_without_a_look_stays_so(old_home: Path) -> None:
    old_home.chmod(0o711)
    private_home(old_home)
    assert mode(old_home) == 0o711


@needs_root
def test_nobody_closes_the_home_of_somebody_else(old_home: Path) -> None:
    code = "import pathlib, sys, runlore.home as h; h.private_home(pathlib.Path(sys.argv[1]))"
    done = subprocess.run(
        (*STRANGER, *READS_ALL, sys.executable, "-c", code, old_home),
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert (done.returncode, mode(old_home)) == (0, 0o755)


@needs_root
@pytest.mark.slow
@pytest.mark.parametrize("user", ["root", "nobody"])
def test_what_a_command_writes_is_private(short_tmp: Path, user: str) -> None:
    account = pwd.getpwnam(user)
    short_tmp.chmod(0o755)
    os.chown(short_tmp, account.pw_uid, account.pw_gid)
    home = short_tmp / "home"
    prefix: tuple[str, ...] = ()
    if user != "root":
        prefix = (
            *("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}"),
            *("--clear-groups", *READS_ALL),
        )
    done = subprocess.run(
        (*prefix, sys.executable, "-m", "runlore.cli", "ledger", "show"),
        cwd="/",
        env={
            **{key: value for key, value in os.environ.items() if key != "RUNLORE_DATABASE_URL"},
            "PYTHONPATH": str(ROOT),
            "RUNLORE_HOME": str(home),
            "HOME": str(short_tmp),
        },
        umask=0o022,
        capture_output=True,
        text=True,
        check=False,
    )
    embedded.stop(home)
    assert (home / "postgres" / "data").is_dir(), done.stderr
    assert readable_by_a_stranger(home) == []
    assert open_to_others(home) == []
