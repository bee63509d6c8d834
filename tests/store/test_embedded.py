"""The embedded server's life: started, shared, adopted, killed, recovered, stopped."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from runlore.kernel.errors import Misconfigured, Unavailable
from runlore.store import embedded
from runlore.store.embedded import layout, server

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("from_nothing")]

ROOT = Path(__file__).parents[2]
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv"
)
USE = """
import sys, time, pathlib, psycopg
from runlore.store import embedded
with embedded.running(pathlib.Path(sys.argv[1])) as url:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(sys.argv[2])
    print(embedded.state(pathlib.Path(sys.argv[1])).pid, flush=True)
    sys.stdin.read()
"""
KEEP_NUMBER = "CREATE TABLE IF NOT EXISTS kept (n int); INSERT INTO kept VALUES (1)"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data as they are after a first start, to be copied: initdb is slow on a busy machine."""
    home = tmp_path_factory.mktemp("prepared")
    with embedded.running(home):
        pass
    return home / "postgres" / "data"


@pytest.fixture
def new_home(short_tmp: Path) -> Iterator[Path]:
    """A home that does not exist yet, and whose server must be gone when the test is over."""
    home = short_tmp / "home"
    yield home
    left = processes_of(home)
    embedded.stop(home)
    assert left == []


@pytest.fixture
def home(new_home: Path, prepared: Path) -> Path:
    """A home that was used before."""
    (new_home / "postgres").mkdir(parents=True)
    subprocess.run(["cp", "-a", prepared, new_home / "postgres"], check=True)
    return new_home


def processes_of(home: Path) -> list[int]:
    found = layout.ServerPaths.of(home)
    mine = (os.fsencode(found.data), f"postgres: {found.name}".encode())
    return [
        int(entry.parent.name)
        for entry in Path("/proc").glob("[0-9]*/cmdline")
        if any(mark in server._read(entry) for mark in mine)
    ]


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def ask(url: str, query: str) -> object:
    with connect(url) as connection:
        row = connection.execute(query).fetchone()
        return row[0] if row else None


def postmaster_pid(home: Path) -> int:
    pid = embedded.state(home).pid
    assert pid is not None
    return pid


def await_end(pid: int) -> None:
    """Wait for a killed process: the signal ends it later than `os.kill` returns."""
    until = time.monotonic() + 60
    while server._read(Path(f"/proc/{pid}/cmdline")):
        assert time.monotonic() < until
        time.sleep(0.01)


def user(
    home: Path, statement: str = "SELECT 1", prefix: tuple[str, ...] = ()
) -> subprocess.Popen[str]:
    """A process that uses the home's server until its standard input is closed."""
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", USE, str(home), statement],
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def server_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise AssertionError(process.communicate()[1])
    return int(line)


def ended(process: subprocess.Popen[str]) -> int:
    _, errors = process.communicate(timeout=60)
    assert not errors, errors
    return process.returncode


def as_nobody() -> tuple[str, ...]:
    """Become an ordinary user; to read the interpreter it may need one capability."""
    nobody = pwd.getpwnam("nobody")
    plain = ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
    probe = [*plain, sys.executable, "-c", "import psycopg"]
    if subprocess.run(probe, cwd="/", capture_output=True, check=False).returncode == 0:
        return plain
    capability = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    return (*plain, "--securebits=+no_setuid_fixup", *capability)


def test_a_server_is_utf8_checksummed_and_deaf_to_the_network(new_home: Path):
    with embedded.running(new_home) as url, connect(url) as connection:
        for setting, value in {
            "server_encoding": "UTF8",
            "data_checksums": "on",
            "listen_addresses": "",
            "synchronous_commit": "on",
            "wal_compression": "pglz",
            "wal_segment_size": "1MB",
            "wal_buffers": "4MB",
            "TimeZone": "UTC",
            "search_path": "public",
        }.items():
            assert connection.execute(f"SHOW {setting}").fetchone() == (value,)
        assert connection.execute("SELECT current_user, current_database()").fetchone() == (
            "runlore",
            "runlore",
        )
        assert connection.execute("SELECT 'B' < 'a', upper('é')").fetchone() == (True, "É")


def test_what_was_written_is_there_after_a_restart(home: Path):
    with embedded.running(home) as url, connect(url) as connection:
        connection.execute(KEEP_NUMBER)
    assert not embedded.state(home).is_running
    with embedded.running(home) as url:
        assert ask(url, "SELECT count(*) FROM kept") == 1


def test_the_server_stops_when_the_last_lease_of_a_process_is_given_back(home: Path):
    first = embedded.acquire(home)
    second = embedded.acquire(home)
    embedded.release(first)
    assert ask(second.url, "SELECT 1") == 1
    embedded.release(second)
    assert not embedded.state(home).is_running


def test_a_second_process_adopts_the_server_and_keeps_it_when_the_first_ends(home: Path):
    first, second = user(home), user(home)
    assert server_of(first) == server_of(second)
    assert ended(first) == 0
    state = embedded.state(home)
    assert (state.is_running, state.users) == (True, (second.pid,))
    assert ended(second) == 0
    assert not embedded.state(home).is_running


def test_four_processes_at_once_start_one_server_and_lose_no_row(home: Path):
    with embedded.running(home) as url, connect(url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    crowd = [user(home, "INSERT INTO kept VALUES (1)") for _ in range(4)]
    assert len({server_of(process) for process in crowd}) == 1
    assert [ended(process) for process in crowd] == [0] * 4
    assert not embedded.state(home).is_running
    with embedded.running(home) as url:
        assert ask(url, "SELECT count(*) FROM kept") == 4


def test_four_processes_at_once_make_one_new_home(new_home: Path):
    crowd = [user(new_home) for _ in range(4)]
    assert len({server_of(process) for process in crowd}) == 1
    assert [ended(process) for process in crowd] == [0] * 4


def test_a_killed_process_holds_no_lease(home: Path):
    victim = user(home)
    server_of(victim)
    victim.kill()
    victim.communicate()
    assert embedded.state(home).is_running
    with embedded.running(home):
        assert embedded.state(home).users == (os.getpid(),)
    assert not embedded.state(home).is_running
    assert list((home / "postgres" / "users").iterdir()) == []


def test_a_killed_postmaster_is_replaced_and_no_committed_row_is_lost(home: Path):
    with embedded.running(home) as url:
        with connect(url) as connection:
            connection.execute(KEEP_NUMBER)
        killed = postmaster_pid(home)
        os.kill(killed, signal.SIGKILL)
        await_end(killed)
        with embedded.running(home) as again:
            assert again == url
            assert postmaster_pid(home) != killed
            assert ask(again, "SELECT count(*) FROM kept") == 1


def test_a_backend_that_outlives_its_postmaster_is_ended_before_the_restart(home: Path):
    with embedded.running(home) as url:
        busy = connect(url)
        orphan = busy.info.backend_pid
        busy.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")
        time.sleep(0.2)
        killed = postmaster_pid(home)
        os.kill(killed, signal.SIGKILL)
        await_end(killed)
        assert orphan in processes_of(home)
        with embedded.running(home) as again:
            assert orphan not in processes_of(home)
            assert ask(again, "SELECT 1") == 1
        busy.close()


def test_files_of_a_dead_server_are_not_believed(home: Path):
    with embedded.running(home):
        data = home / "postgres" / "data"
        told = (data / "postmaster.pid").read_text().splitlines()
    stranger = subprocess.Popen(["sleep", "60"], user=data.stat().st_uid)
    told[0] = str(stranger.pid)
    (data / "postmaster.pid").write_text("\n".join(told))
    socket = home / "postgres" / "run" / ".s.PGSQL.5432"
    socket.touch()
    socket.with_name(".s.PGSQL.5432.lock").write_text("\n".join(told))
    assert not embedded.state(home).is_running
    with embedded.running(home) as url:
        assert ask(url, "SELECT 1") == 1
    stranger.kill()
    assert stranger.wait() == -signal.SIGKILL


def test_an_initialisation_that_was_interrupted_is_done_again(new_home: Path):
    unfinished = new_home / "postgres" / "data.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    with embedded.running(new_home) as url:
        assert ask(url, "SELECT 1") == 1
    assert not unfinished.exists()


def test_a_server_that_is_shutting_down_is_replaced(home: Path):
    with embedded.running(home) as url, connect(url):
        stopping = postmaster_pid(home)
        os.kill(stopping, signal.SIGTERM)
        pid_file = home / "postgres" / "data" / "postmaster.pid"
        while "stopping" not in pid_file.read_text():
            time.sleep(0.01)
        with embedded.running(home) as again:
            assert postmaster_pid(home) != stopping
            assert ask(again, "SELECT 1") == 1


def test_stop_ends_the_server_whoever_uses_it(home: Path):
    process = user(home)
    server_of(process)
    assert embedded.stop(home) is True
    assert embedded.stop(home) is False
    assert ended(process) == 0


def test_data_that_somebody_unseen_has_open_are_left_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    with embedded.running(home):
        pass
    monkeypatch.setattr(server, "ORPHANS_S", 0.1)
    held = server.locks.hold(layout.ServerPaths.of(home), home / "postgres" / "server.lock")
    with pytest.raises(Unavailable, match=r"data: in use by a PostgreSQL that cannot be seen"):
        embedded.acquire(home)
    server.locks.let_go(held)


def test_the_state_of_a_home_that_is_not_there_makes_nothing(new_home: Path):
    state = embedded.state(new_home)
    assert (state.is_running, state.pid, state.size_bytes, state.users) == (False, None, 0, ())
    assert state.version.startswith("18.")
    assert embedded.stop(new_home) is False
    assert not new_home.exists()


def test_the_state_of_a_running_server_tells_its_process_size_and_users(home: Path):
    with embedded.running(home):
        state = embedded.state(home)
        assert state.is_running
        assert state.pid in processes_of(home)
        assert state.size_bytes > 20_000_000
        assert state.users == (os.getpid(),)
        assert state.log.read_text().count("ready to accept connections") == 1


@pytest.mark.parametrize("name", ["long" * 30, "a b,c", "100%:é&x=y"])
def test_a_home_of_any_name_works_and_leaves_no_socket_folder(short_tmp: Path, name: str):
    home = short_tmp / name
    with embedded.running(home) as url:
        assert ask(url, "SELECT 1") == 1
        folder = server.postmaster(layout.ServerPaths.of(home)).socket_folder
        assert folder.stat().st_mode & 0o777 == 0o700
    assert processes_of(home) == []
    assert not folder.exists() or folder.parent == home / "postgres"


@needs_root
@pytest.mark.parametrize("what", ["folder", "file", "link"])
def test_a_name_in_the_temporary_folder_that_is_taken_stops_no_home(short_tmp: Path, what: str):
    """Everybody may make folders there, and the name follows from the home's path."""
    home = short_tmp / ("long" * 30)
    taken = layout.ServerPaths.of(home).socket_folder
    (elsewhere := short_tmp / "elsewhere").mkdir()
    make = {"folder": taken.mkdir, "file": taken.touch, "link": lambda: taken.symlink_to(elsewhere)}
    make[what]()
    stranger = pwd.getpwnam("nobody")
    os.chown(taken, stranger.pw_uid + 1, stranger.pw_gid, follow_symlinks=False)
    try:
        spares = []
        for _ in range(2):
            with embedded.running(home) as url:
                assert ask(url, "SELECT 1") == 1
                spares.append(server.postmaster(layout.ServerPaths.of(home)).socket_folder)
                assert spares[-1].name.startswith(f"{taken.name}-")
                assert spares[-1].stat().st_mode & 0o777 == 0o700
            assert not spares[-1].exists()
        assert list(elsewhere.iterdir()) == []
        assert os.path.lexists(taken)
    finally:
        taken.rmdir() if what == "folder" else taken.unlink()


def test_the_spare_name_of_a_killed_server_is_used_again(short_tmp: Path):
    found = layout.ServerPaths.of(short_tmp / ("long" * 30))
    first = found.spare_socket_folder(lambda _: False)
    try:
        assert found.spare_socket_folder(lambda folder: folder == first) == first
        assert first.stat().st_mode & 0o777 == 0o700
    finally:
        first.rmdir()


def test_a_home_reached_by_a_link_is_the_same_home(home: Path, short_tmp: Path):
    (short_tmp / "link").symlink_to(home)
    with embedded.running(home) as url, embedded.running(short_tmp / "link") as linked:
        assert url == linked


def test_variables_of_postgresql_in_the_environment_change_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGDATABASE", "nothing")
    monkeypatch.setenv("PGUSER", "nobody-at-all")
    with embedded.running(home) as url:
        assert ask(url, "SELECT 1") == 1


def test_a_home_that_cannot_be_made_is_named_with_a_remedy(short_tmp: Path):
    (short_tmp / "file").touch()
    with pytest.raises(Misconfigured, match=r"file/home.*set RUNLORE_HOME"):
        embedded.acquire(short_tmp / "file" / "home")


def test_data_of_another_postgresql_are_refused(home: Path):
    with embedded.running(home):
        pass
    version = home / "postgres" / "data" / "PG_VERSION"
    version.write_text("16\n")
    with pytest.raises(Misconfigured, match="made by PostgreSQL 16, this is 18"):
        embedded.acquire(home)


def test_a_server_that_does_not_start_says_why(home: Path):
    with embedded.running(home):
        pass
    with (home / "postgres" / "data" / "postgresql.conf").open("a") as conf:
        conf.write("work_mem = plenty\n")
    with pytest.raises(Unavailable, match=r"work_mem.*postgres\.log"):
        embedded.acquire(home)
    assert embedded.state(home).users == ()


def test_a_log_grown_large_is_put_aside(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(layout, "LOG_LIMIT_BYTES", 100)
    with embedded.running(home) as url:
        assert embedded.state(home).log.stat().st_size > 100
        with embedded.running(home):
            assert embedded.state(home).log.stat().st_size == 0
        with connect(url) as connection, pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("SELECT 1 / 0")
        assert "division by zero" in embedded.state(home).log.read_text()
    assert (home / "logs" / "postgres.log.1").stat().st_size == 100


@needs_root
def test_root_below_a_private_folder_changes_no_mode_above_the_data(short_tmp: Path):
    outer, inner = short_tmp / "private", short_tmp / "private" / "inner"
    inner.mkdir(parents=True)
    for folder in (outer, inner, short_tmp):
        folder.chmod(0o700)
    home = inner / "home"
    with embedded.running(home) as url:
        assert ask(url, "SELECT 1") == 1
        assert Path(f"/proc/{postmaster_pid(home)}").stat().st_uid != 0
    for folder in (short_tmp, outer, inner):
        found = folder.stat()
        assert (found.st_mode & 0o777, found.st_uid) == (0o700, 0)
    assert home.stat().st_uid == 0


@needs_root
def test_the_home_is_private_and_the_account_of_the_server_cannot_enter_it(new_home: Path):
    new_home.parent.chmod(0o755)
    with embedded.running(new_home) as url:
        assert ask(url, "SELECT 1") == 1
        account = (new_home / "postgres" / "data").stat().st_uid
        assert account != 0
        for folder in (new_home, new_home / "postgres", new_home / "logs"):
            assert folder.stat().st_mode & 0o777 == 0o700
        enter = ("setpriv", f"--reuid={account}", "--clear-groups", "ls", new_home / "postgres")
        tried = subprocess.run(enter, cwd="/", capture_output=True, text=True, check=False)
        assert "Permission denied" in tried.stderr


@needs_root
def test_without_setpriv_and_unshare_the_home_lets_pass_and_shows_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    home.parent.chmod(0o755)
    home.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with embedded.running(home) as url:
        assert ask(url, "SELECT 1") == 1
        assert home.stat().st_mode & 0o777 == 0o711
        with embedded.running(home) as again:
            assert again == url
        listed = subprocess.run(
            ("/usr/bin/setpriv", "--reuid=65534", "--clear-groups", "ls", home),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Permission denied" in listed.stderr
    home.parent.chmod(0o700)
    with pytest.raises(Misconfigured, match="below one that every user may enter"):
        embedded.acquire(home)
    assert home.stat().st_mode & 0o777 == 0o711


@needs_root
@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_root_without_power_over_modes_uses_a_user_namespace(short_tmp: Path, mode: int):
    short_tmp.chmod(mode)
    home = short_tmp / "home"
    caps = "-dac_read_search,-dac_override"
    process = user(home, KEEP_NUMBER, ("setpriv", f"--bounding-set={caps}", "--inh-caps=-all"))
    server_of(process)
    assert (home / "postgres" / "data").stat().st_uid == 0
    assert ended(process) == 0
    with embedded.running(home) as url:
        assert ask(url, "SELECT count(*) FROM kept") == 1


@needs_root
def test_what_a_home_s_owner_planted_is_not_changed_by_root(home: Path, short_tmp: Path):
    nobody = pwd.getpwnam("nobody")
    treasure = short_tmp / "treasure"
    treasure.write_text("mine")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    (home / "postgres" / "lock").symlink_to(treasure)
    with pytest.raises(Misconfigured, match="postgres/lock"):
        embedded.acquire(home)
    (home / "postgres" / "lock").unlink()
    hba = home / "postgres" / "data" / "pg_hba.conf"
    hba.unlink()
    hba.symlink_to(treasure)
    with embedded.running(home) as url:
        assert ask(url, "SELECT 1") == 1
    assert (treasure.read_text(), treasure.stat().st_uid) == ("mine", 0)


@needs_root
def test_a_home_whose_owner_has_no_name_here_is_served_all_the_same(new_home: Path):
    new_home.mkdir()
    os.chown(new_home, 54321, 54321)
    with embedded.running(new_home) as url:
        assert ask(url, "SELECT 1") == 1
    assert (new_home / "postgres" / "users").stat().st_uid == 54321


@needs_root
def test_programs_installed_below_a_private_folder_can_be_run(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
):
    installed = embedded.binaries.find().folder.parents[1]
    libraries = installed.with_name(f"{installed.name}.libs")
    site = short_tmp / "site"
    shutil.copytree(installed, site / installed.name)
    shutil.copytree(libraries, site / libraries.name)
    short_tmp.chmod(0o700)
    moved = embedded.binaries.Binaries(site / installed.name / "pginstall" / "bin")
    monkeypatch.setattr(server, "find", lambda: moved)
    with embedded.running(short_tmp / "home") as url:
        assert ask(url, "SELECT 1") == 1


@needs_root
def test_an_ordinary_user_has_a_server_which_root_may_use_and_give_back(new_home: Path):
    nobody = pwd.getpwnam("nobody")
    new_home.mkdir()
    new_home.parent.chmod(0o755)
    os.chown(new_home, nobody.pw_uid, nobody.pw_gid)
    process = user(new_home, KEEP_NUMBER, as_nobody())
    pid = server_of(process)
    assert Path(f"/proc/{pid}").stat().st_uid == nobody.pw_uid
    with embedded.running(new_home) as url:
        assert ask(url, "SELECT count(*) FROM kept") == 1
    assert embedded.state(new_home).pid == pid
    assert ended(process) == 0
    with embedded.running(new_home) as url:
        assert ask(url, "SELECT count(*) FROM kept") == 1
        second = user(new_home, KEEP_NUMBER, as_nobody())
        server_of(second)
        assert ended(second) == 0
    assert {path.stat().st_uid for path in new_home.rglob("*")} == {nobody.pw_uid}


@needs_root
def test_an_ordinary_user_is_told_whose_the_home_is(home: Path):
    with embedded.running(home):
        pass
    home.parent.chmod(0o755)
    process = user(home, "SELECT 1", as_nobody())
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"Misconfigured: {home}/" in errors
    assert "set RUNLORE_HOME to a folder that you own" in errors


@needs_root
def test_another_user_gets_neither_to_the_socket_nor_past_the_server(home: Path):
    code = "import sys, psycopg; psycopg.connect(sys.argv[1])"
    with embedded.running(home) as url:
        plain = url.replace("+psycopg", "")
        stranger = [*as_nobody(), sys.executable, "-c", code, plain]
        socket = home / "postgres" / "run" / ".s.PGSQL.5432"
        assert socket.parent.stat().st_mode & 0o777 == 0o700
        kept_out = subprocess.run(stranger, cwd="/", capture_output=True, text=True, check=False)
        for folder in (home.parent, home, home / "postgres", socket.parent):
            folder.chmod(0o755)
        refused = subprocess.run(stranger, cwd="/", capture_output=True, text=True, check=False)
        socket.parent.chmod(0o700)
    assert "Permission denied" in kept_out.stderr
    assert 'Peer authentication failed for user "runlore"' in refused.stderr


@needs_root
@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare to mount a small disk")
def test_a_full_disk_is_named_as_what_it_is(short_tmp: Path):
    script = 'mount -t tmpfs -o size=20m small "$1" && shift && exec "$@"'
    prefix = ("unshare", "--mount", "/bin/sh", "-c", script, "sh", str(short_tmp))
    process = user(short_tmp / "home", "SELECT 1", prefix)
    _, errors = process.communicate(timeout=60)
    if "permission denied" in errors:
        pytest.skip("may not mount here")
    assert "Unavailable" in errors
    assert "No space left on device" in errors
    assert "free some space" in errors
