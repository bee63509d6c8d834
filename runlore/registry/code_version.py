"""Which code this is: the release, and the commit when it runs from a checkout."""

import shutil
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

import runlore

PATIENCE_S = 5


@cache
def commit() -> str | None:
    """The commit of this checkout, with `-dirty` behind it when files differ from it."""
    folder = Path(runlore.__file__).parent
    if shutil.which("git") is None or _git(folder, "ls-files", "--error-unmatch", ".") is None:
        return None
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return None
    return f"{head}-dirty" if _git(folder, "status", "--porcelain", ".") else head


@cache
def release() -> str:
    return version("runlore")


def code_version() -> str:
    """What a model card says, such as `0.1.0 at 3f2a91c07b`."""
    at = commit()
    if at is None:
        return release()
    short = at[:10] + ("-dirty" if at.endswith("-dirty") else "")
    return f"{release()} at {short}"


def _git(folder: Path, *arguments: str) -> str | None:
    command = ("git", "-C", str(folder), *arguments)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
