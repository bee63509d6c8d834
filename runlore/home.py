"""The home folder is private: its owner may read what is in it, nobody else.

New files are private because of the umask of every process (`runlore.process`). The folder itself
is made here, and an older one that others may read is closed when it is next used.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

PRIVATE_UMASK = 0o077
OTHERS = 0o077  # all rights of the group and of everybody else
OTHERS_LOOK = 0o066  # their rights to read or write; passing through alone shows no name
SHARED = stat.S_ISVTX | stat.S_IWOTH  # a folder for everybody, such as /tmp
LOGIN = "login"
SESSION_KEY = "session-key"  # signs the sessions of the console
PSEUDONYM_KEY = "pseudonym-key"  # makes the pseudonyms of personas
PARTS = (  # what Runlore makes in its home; whatever else lies there is not its business
    *("alerts.beat", "artifacts", "bentoml", "demo", LOGIN, "logs"),
    *("postgres", "prefect", "reports", "run", "serving", SESSION_KEY, PSEUDONYM_KEY),
)


def home_of(environment: Mapping[str, str]) -> Path:
    """The home that an environment names."""
    return Path(environment.get("RUNLORE_HOME") or Path.home() / ".runlore")


def private_home(home: Path) -> None:
    """Make the home for its owner alone, or close one that others may look into.

    A folder that is shared by its nature keeps its mode: the temporary folder, a user's own home
    folder, the root. What Runlore made in it is closed.
    """
    if not home.is_dir():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return
    status = home.stat()
    is_open = status.st_mode & OTHERS_LOOK
    if not is_open or os.geteuid() not in (0, status.st_uid):
        return
    for part in PARTS:
        _close(home / part, status.st_uid)
    if not _is_shared(home, status.st_mode):
        home.chmod(stat.S_IMODE(status.st_mode) & ~OTHERS)


def _is_shared(home: Path, mode: int) -> bool:
    users_own = Path(os.environ.get("HOME") or "/").resolve()
    return bool(mode & SHARED) or home.resolve() in (Path("/"), users_own)


def _close(path: Path, owner: int) -> None:
    """Take the rights of others away, of a file or folder of the home's owner.

    Links are not followed, and files with a second name are not changed: in somebody's home, root
    must not be led to the files of another.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        status = os.fstat(descriptor)
        has_one_name = stat.S_ISDIR(status.st_mode) or status.st_nlink == 1
        if has_one_name and status.st_uid == owner and status.st_mode & OTHERS:
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & ~OTHERS)
    finally:
        os.close(descriptor)
