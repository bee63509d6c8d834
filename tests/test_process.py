"""How a process begins: nothing of a secret in its log, files for its owner alone."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runlore import process

MODULE = """
import logging, os, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s")
log = logging.getLogger("x")
url = os.environ["SOME_URL"]
log.warning("at " + url)
log.warning("at %s for %d", url, 3)
log.warning("%s", ValueError(url))
log.warning('%s - "%s"', "127.0.0.1", "/x?token=hush-hush-1")
try:
    raise ValueError(url)
except ValueError:
    log.exception("no")
open("made", "w").close()
print(oct(os.stat("made").st_mode & 0o777), sys.argv)
raise OSError(url)
"""


@pytest.fixture
def told(tmp_path: Path) -> str:
    (tmp_path / "example.py").write_text(MODULE)
    done = subprocess.run(
        (sys.executable, "-m", "runlore.process", "example", "--word"),
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(Path(__file__).parents[1]), str(tmp_path))),
            "RUNLORE_HOME": str(tmp_path / "home"),
            "SOME_URL": "http://ann:hush-hush-1@host",
        },
        umask=0o022,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    return done.stdout + done.stderr


def test_a_log_holds_no_secret(told: str) -> None:
    assert "hush" not in told
    for line in ("at http://***@host", "at http://***@host for 3", "http://***@host"):
        assert line in told.splitlines()
    assert '127.0.0.1 - "/x?token=***"' in told
    assert "ValueError: http://***@host" in told
    assert "OSError: http://***@host" in told


def test_a_module_runs_as_by_itself_and_makes_private_files(told: str, tmp_path: Path) -> None:
    assert f"0o600 ['{tmp_path}/example.py', '--word']" in told


def test_imports_make_no_search_for_garbage_and_what_comes_later_does() -> None:
    with process.imports_uncollected():
        was_enabled = gc.isenabled()
    is_frozen = gc.get_freeze_count() > 0
    gc.unfreeze()
    assert (was_enabled, is_frozen, gc.isenabled()) == (False, True, True)


ENDING = """
import atexit, gc
from runlore import process

process.end_quickly()
atexit.register(lambda: print("closed", gc.get_freeze_count() == 0))
"""


def test_a_process_that_ends_quickly_still_does_what_is_due_at_its_exit() -> None:
    done = subprocess.run(
        (sys.executable, "-c", ENDING), capture_output=True, text=True, check=True
    )
    assert done.stdout == "closed True\n"
    assert done.stderr == ""
