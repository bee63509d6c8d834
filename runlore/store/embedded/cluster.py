"""The data folder: made once, checked at every start, and who may connect to it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from runlore.kernel.errors import Misconfigured, Unavailable
from runlore.store.embedded.account import ServerAccount
from runlore.store.embedded.binaries import MAJOR, Binaries
from runlore.store.embedded.layout import SOCKET, ServerPaths, explained

ROLE = "runlore"
DATABASE = "runlore"
PORT = 5432
# Defaults of new data; they may be changed in its postgresql.conf. search_path: other tools' tables
# must not come to lie in the schema that is named like the role.
TUNING = {
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_connections": "200",  # ADR 22 counts who needs how many
    "max_locks_per_transaction": "512",
    "max_logical_replication_workers": "0",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "wal_buffers": "4MB",
    "wal_compression": "on",
    "wal_level": "minimal",
    "random_page_cost": "1.1",
    "search_path": "public",
    "jit": "off",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
FORMER_DEFAULTS = {"max_connections": "100"}  # of data made before Prefect was in the same server
# Of the write-ahead log. A writer waits until a new segment is there: 16 MB, the usual size, take
# 14 to 65 ms where 1 MB takes 2 (ADR 13).
SEGMENT_MB = 1

TROUBLE = re.compile(r"FATAL:|PANIC:|ERROR:|error:|HINT:|could not|invalid")


def prepare(layout: ServerPaths, account: ServerAccount, binaries: Binaries) -> Path:
    """Make everything ready for a start, and say which folder the socket goes to.

    No process of an earlier server may be alive.
    """
    with explained(layout.root):
        folder = account.make_socket_folder(layout)
        _remove_stale(layout, folder)
        if not layout.data.exists():
            _initialise(layout, account, binaries)
        _check_version(layout)
        _renew_defaults(layout, account)
        _let_in(layout, account)
        return folder


def command(layout: ServerPaths, binaries: Binaries, socket_folder: Path) -> list[str]:
    """The server's command line, with the settings that no file may change."""
    settings = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": f'"{socket_folder}"',
        "cluster_name": layout.name,
        "logging_collector": "off",
        "hba_file": str(layout.data / "pg_hba.conf"),
        "ident_file": str(layout.data / "pg_ident.conf"),
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    return [str(binaries.postgres), "-D", str(layout.data), *options]


def reason(messages: str) -> str:
    """The lines of PostgreSQL's messages that say what went wrong, without their time stamps."""
    lines = [re.sub(r"^\S+ \S+ UTC \[\d+\] ", "", line.strip()) for line in messages.splitlines()]
    telling = [line for line in lines if TROUBLE.search(line)]
    return " | ".join((telling or [line for line in lines if line] or ["it said nothing"])[-4:])


def _initialise(layout: ServerPaths, account: ServerAccount, binaries: Binaries) -> None:
    """Make the data under another name first: what is interrupted is not taken for whole."""
    _discard_unfinished(layout)
    account.make_folder(layout.unfinished)
    made = account.run(_initdb(layout, binaries))
    if made.returncode == 0:
        made = account.run(
            [str(binaries.postgres), "--single", "-D", str(layout.unfinished), "template1"],
            stdin_text=f"ALTER DATABASE postgres RENAME TO {DATABASE}",
        )
    if made.returncode != 0 or "ERROR:" in made.stderr:
        _discard_unfinished(layout)
        raise Unavailable(_failure(layout, made))
    layout.unfinished.rename(layout.data)


def _initdb(layout: ServerPaths, binaries: Binaries) -> list[str]:
    return [
        str(binaries.initdb),
        f"--pgdata={layout.unfinished}",
        f"--username={ROLE}",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--auth=reject",
        f"--wal-segsize={SEGMENT_MB}",
        "--no-instructions",
        *(["--sync-method=syncfs"] if sys.platform == "linux" else []),
        *(f"--set={name}={value}" for name, value in TUNING.items()),
    ]


def _failure(layout: ServerPaths, made: subprocess.CompletedProcess[str]) -> str:
    remedy = ""
    if "No space left on device" in made.stderr:
        remedy = "; free some space or set RUNLORE_HOME to a folder on a larger disk"
    return f"{layout.data}: PostgreSQL could not make it: {reason(made.stderr)}{remedy}"


def _discard_unfinished(layout: ServerPaths) -> None:
    if layout.unfinished.exists():
        shutil.rmtree(layout.unfinished)


def _check_version(layout: ServerPaths) -> None:
    version = (layout.data / "PG_VERSION").read_text().strip()
    if version != str(MAJOR):
        raise Misconfigured(
            f"{layout.data}: made by PostgreSQL {version}, this is {MAJOR}; "
            "set RUNLORE_HOME to a new folder and ingest again"
        )


def _let_in(layout: ServerPaths, account: ServerAccount) -> None:
    """Local callers only, known by what the kernel says about them."""
    rules = [f"local all {ROLE} peer map={ROLE}"]
    names = [f'{ROLE} "{caller}" {ROLE}' for caller in account.callers]
    for path, lines in (
        (layout.data / "pg_hba.conf", rules),
        (layout.data / "pg_ident.conf", names),
    ):
        _write(path, "\n".join(lines) + "\n", account)


def _renew_defaults(layout: ServerPaths, account: ServerAccount) -> None:
    """Give data of an older Runlore today's settings where they have that Runlore's defaults."""
    path = layout.data / "postgresql.conf"
    if path.is_symlink():  # somebody keeps it elsewhere; root must not copy it into the data
        return
    former = renewed = path.read_text()
    for name, value in FORMER_DEFAULTS.items():
        renewed = re.sub(rf"(?m)^{name} = {value}\b", f"{name} = {TUNING[name]}", renewed)
    if renewed != former:
        _write(path, renewed, account)


def _write(path: Path, content: str, account: ServerAccount) -> None:
    """Replace a file of the data folder at once: what is interrupted leaves the old one."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with draft.open("x") as file:
        os.fchown(file.fileno(), account.uid, account.gid)
        file.write(content)
    draft.replace(path)


def _remove_stale(layout: ServerPaths, socket_folder: Path) -> None:
    """Nobody holds the server lock, so whatever these files claim is past."""
    socket = socket_folder / SOCKET
    for path in (layout.data / "postmaster.pid", socket, socket.with_name(f"{SOCKET}.lock")):
        path.unlink(missing_ok=True)
