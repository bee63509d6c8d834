"""Where the embedded server keeps what, below the home folder."""

import errno
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runlore.home import private_home
from runlore.kernel.errors import Misconfigured, Unavailable

SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 107
# Paths without characters that mean something in a connection address.
SPEAKABLE = re.compile(r"[\w/. -]+")
SUFFIX = "x" * 8  # as long as what `tempfile.mkdtemp` adds to a prefix
LOG_LIMIT_BYTES = 10 * 2**20


@dataclass(frozen=True, slots=True)
class ServerPaths:
    """Paths of one home; `home` is resolved, so that every process names the same lock."""

    home: Path

    @classmethod
    def of(cls, home: Path) -> "ServerPaths":
        return cls(home.expanduser().resolve())

    @property
    def root(self) -> Path:
        return self.home / "postgres"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def unfinished(self) -> Path:
        """The data folder until initdb is done with it."""
        return self.root / "data.new"

    @property
    def users(self) -> Path:
        """One locked file per lease."""
        return self.root / "users"

    @property
    def lock(self) -> Path:
        """Held while somebody starts, adopts or stops the server."""
        return self.root / "lock"

    @property
    def server_lock(self) -> Path:
        """Held by the server's own processes, by every one of them, as long as they live."""
        return self.root / "server.lock"

    @property
    def log(self) -> Path:
        return self.home / "logs" / "postgres.log"

    @property
    def name(self) -> str:
        """The server's name in the process list."""
        return f"runlore-{hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]}"

    @property
    def socket_folder(self) -> Path:
        """In the home, or in the temporary folder where the home's path cannot be an address.

        In the temporary folder somebody else may have taken the name: see `spare_socket_folder`.
        """
        candidates = (
            self.root / "run",
            Path(tempfile.gettempdir()) / self.name,
            Path("/tmp") / self.name,  # noqa: S108  (its owner and mode are checked before use)
        )
        return next(filter(_is_address, candidates), candidates[-1])

    def spare_socket_folder(self, is_ours: Callable[[Path], bool]) -> Path:
        """Where the socket goes when somebody else has taken the name: beside it.

        A spare one that a server which was killed has left is used again. is_ours: whether a
        folder belongs to the account of the server.
        """
        parents = (Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108  (checked before use)
        for parent in parents:
            for folder in sorted(parent.glob(f"{self.name}-*")):
                if _is_address(folder) and is_ours(folder):
                    return folder
        places = (parent for parent in parents if _is_address(parent / f"{self.name}-{SUFFIX}"))
        return Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=next(places, parents[-1])))

    def prepare(self) -> None:
        """Make the folders that belong to the home's owner."""
        with explained(self.home):
            private_home(self.home)
            for folder in (self.log.parent, self.root, self.users):
                self._make(folder)

    @contextmanager
    def passable(self) -> Iterator[None]:
        """Let other accounts pass through the home to the data, but look nowhere.

        It stays so unless the block raises.
        """
        before = {folder: folder.stat().st_mode for folder in (self.home, self.root)}
        for folder, mode in before.items():
            folder.chmod(stat.S_IMODE(mode) | 0o011)
        try:
            yield
        except BaseException:
            for folder, mode in before.items():
                folder.chmod(stat.S_IMODE(mode))
            raise

    def open(self, path: Path, flags: int = os.O_RDWR) -> int:
        """Open a private file of the home's owner, made when it is missing."""
        with explained(path):
            descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            self._hand_over(descriptor)
            return descriptor

    def rotate_log(self) -> None:
        """Put the end of a large log aside; the server appends, so it may go on writing."""
        if not self.log.exists() or self.log.stat().st_size <= LOG_LIMIT_BYTES:
            return
        older = self.log.with_name(f"{self.log.name}.1")
        older.unlink(missing_ok=True)
        with (
            explained(self.log),
            os.fdopen(self.open(self.log), "r+b") as log,
            os.fdopen(self.open(older), "wb") as copy,
        ):
            log.seek(-LOG_LIMIT_BYTES, os.SEEK_END)
            copy.write(log.read(LOG_LIMIT_BYTES))
            log.truncate(0)

    def _make(self, folder: Path) -> None:
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                self._hand_over(descriptor)
            finally:
                os.close(descriptor)

    def _hand_over(self, descriptor: int) -> None:
        """What root makes in another's home belongs to the other; nothing else changes hands."""
        if os.geteuid() != 0:
            return
        status, owner = os.fstat(descriptor), self.home.stat()
        is_one_of_ours = stat.S_ISDIR(status.st_mode) or status.st_nlink == 1
        if status.st_uid == 0 and owner.st_uid != 0 and is_one_of_ours:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the system's refusal into one that names the path and the remedy."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Unavailable(f"{where}: disk full; free some space and try again") from error
        raise Misconfigured(
            f"{where}: {error.strerror}; set RUNLORE_HOME to a folder that you own, "
            "or RUNLORE_DATABASE_URL to a PostgreSQL server"
        ) from error


def _is_address(folder: Path) -> bool:
    fits = len(os.fsencode(folder / SOCKET)) <= LONGEST_SOCKET_PATH
    return fits and SPEAKABLE.fullmatch(str(folder)) is not None
