"""Which account the server runs in, and how a program is started in that account.

PostgreSQL refuses to run as root. Root therefore hands the data to an unprivileged account. The
home is private, so its mode keeps that account out: the server gets the one capability that lets
it pass, or else runs as root's double in a user namespace. Where neither can be had the home lets
everybody pass, and nobody look.
"""

import os
import pwd
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runlore.kernel.errors import Misconfigured
from runlore.store.embedded.binaries import Binaries
from runlore.store.embedded.layout import ServerPaths

ACCOUNTS = ("postgres", "nobody")
DOUBLES = ("postgres", "daemon", "bin")
CAPABILITIES = ("dac_read_search", "dac_override")
CAP_DAC_OVERRIDE = 1 << 1
PROBE = 'test -r "$1" && test -x "$1" && cd "$2" && cd "$3"'


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """uid, gid: who owns data and socket.

    prefix: command that changes into the account; without one, root changes by itself.
    callers: names under which the server sees those who may connect.
    """

    uid: int
    gid: int
    callers: tuple[str, ...]
    prefix: tuple[str, ...] = ()

    @property
    def _changes(self) -> bool:
        return not self.prefix and self.uid != os.geteuid()

    def run(
        self,
        command: Sequence[str],
        *,
        stdin_text: str = "",
        stderr: int = subprocess.PIPE,
        pass_fds: Sequence[int] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the account, in a session of its own so that no Ctrl-C reaches it."""
        return subprocess.run(
            [*self.prefix, *command],
            check=False,
            text=True,
            errors="replace",
            cwd="/",
            umask=0o077,
            env=_environment(),
            start_new_session=True,
            input=stdin_text,
            stdout=subprocess.PIPE,
            stderr=stderr,
            pass_fds=pass_fds,
            user=self.uid if self._changes else None,
            group=self.gid if self._changes else None,
            extra_groups=[] if self._changes else None,
        )

    def make_folder(self, folder: Path) -> None:
        """Make a folder that nobody but the account may enter, and refuse anybody else's."""
        try:
            folder.mkdir(mode=0o700)
            os.chown(folder, self.uid, self.gid)
        except FileExistsError:
            pass
        if not self.owns(folder):
            raise Misconfigured(
                f"{folder}: belongs to user id {folder.lstat().st_uid}, not {self.uid}; "
                "remove it, or set RUNLORE_HOME to another folder"
            )
        folder.chmod(0o700)

    def make_socket_folder(self, layout: ServerPaths) -> Path:
        """Make the folder of the socket, and say which one it is.

        Everybody may make folders in the temporary folder, so one that is not ours there is
        passed by.
        """
        folder = layout.socket_folder
        is_taken = os.path.lexists(folder) and not self.owns(folder)
        if is_taken and folder.parent != layout.root:
            folder = layout.spare_socket_folder(self.owns)
            os.chown(folder, self.uid, self.gid)
        self.make_folder(folder)
        return folder

    def owns(self, folder: Path) -> bool:
        """Whether the path is a folder of the account, and not a link to one."""
        try:
            status = folder.lstat()
        except FileNotFoundError:
            return False
        return stat.S_ISDIR(status.st_mode) and status.st_uid == self.uid


def choose(layout: ServerPaths, binaries: Binaries) -> ServerAccount:
    """Who runs the server of this home; data that exist stay with their owner."""
    owner = layout.data.stat().st_uid if layout.data.exists() else None
    if os.geteuid() != 0:
        return _own(layout, owner)
    wanted = owner if owner is not None else _unprivileged(layout)
    ways = list(_ways(layout, wanted, can_change=owner is None))
    for account in ways:
        if _gets_through(account, layout, binaries):
            return account
    with layout.passable():
        if ways and _gets_through(ways[0], layout, binaries):
            return ways[0]
        raise Misconfigured(
            f"{layout.root}: user id {wanted} cannot reach it or {binaries.folder}, and neither "
            "setpriv nor unshare (util-linux) could help; set RUNLORE_HOME to a folder below one "
            "that every user may enter, or RUNLORE_DATABASE_URL"
        )


def _own(layout: ServerPaths, owner: int | None) -> ServerAccount:
    me = os.geteuid()
    if owner is not None and owner != me:
        raise Misconfigured(
            f"{layout.data}: belongs to user id {owner}, you are {me}; "
            "set RUNLORE_HOME to a folder of your own"
        )
    name = _name(me)
    if name is None:
        raise Misconfigured(
            f"user id {me} has no name in /etc/passwd, and PostgreSQL needs one; "
            "add it, or set RUNLORE_DATABASE_URL"
        )
    return ServerAccount(me, os.getegid(), (name, "root"))


def _unprivileged(layout: ServerPaths) -> int:
    """The account for new data: the home's owner, or for root's home one that can do little."""
    owner = layout.home.stat().st_uid
    return owner if owner != 0 and _name(owner) else _first(ACCOUNTS).pw_uid


def _ways(layout: ServerPaths, uid: int, *, can_change: bool) -> Iterator[ServerAccount]:
    if uid != 0 and _overrides_modes():
        gid = pwd.getpwuid(uid).pw_gid if _name(uid) else layout.data.stat().st_gid
        owner = _name(layout.home.stat().st_uid)
        callers = ("root", owner) if owner and owner != "root" else ("root",)
        yield ServerAccount(uid, gid, callers)
        for capability in CAPABILITIES if shutil.which("setpriv") else ():
            yield ServerAccount(uid, gid, callers, _setpriv(uid, gid, capability))
    if (uid == 0 or can_change) and shutil.which("unshare"):
        double = _first(DOUBLES)
        yield ServerAccount(0, 0, (double.pw_name,), _unshare(double))


def _setpriv(uid: int, gid: int, capability: str) -> tuple[str, ...]:
    """Without no_setuid_fixup, access(2) leaves ambient capabilities out and initdb gives up."""
    return (
        "setpriv",
        f"--reuid={uid}",
        f"--regid={gid}",
        "--clear-groups",
        "--securebits=+no_setuid_fixup",
        f"--inh-caps=+{capability}",
        f"--ambient-caps=+{capability}",
    )


def _unshare(double: pwd.struct_passwd) -> tuple[str, ...]:
    """Root, seen from inside as an account that others cannot be taken for."""
    return (
        "unshare",
        "--user",
        f"--map-user={double.pw_uid}",
        f"--map-group={double.pw_gid}",
    )


def _gets_through(account: ServerAccount, layout: ServerPaths, binaries: Binaries) -> bool:
    paths = map(str, (binaries.postgres, layout.root, layout.socket_folder.parent))
    try:
        return account.run(["/bin/sh", "-c", PROBE, "sh", *paths]).returncode == 0
    except PermissionError:
        return False


def _overrides_modes() -> bool:
    """Whether this root can look after data that belong to another account."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return True
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return effective is None or bool(int(effective[1], 16) & CAP_DAC_OVERRIDE)


def _environment() -> dict[str, str]:
    """The environment without our variables: secrets, and the stack's mark of its processes."""
    ours = ("PG", "RUNLORE_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**inherited, "LC_ALL": "C", "TZ": "UTC"}


def _first(names: Sequence[str]) -> pwd.struct_passwd:
    for name in names:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Misconfigured(
        f"PostgreSQL does not run as root and there is no account {' or '.join(names)}; "
        "add one, or set RUNLORE_DATABASE_URL"
    )


def _name(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
