"""The supervisor of the service's workers, with workers that do as they are told."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from bentos.server import Supervisor, Times, listen, metrics_folder

QUICK = Times(start=1.0, grace=1.0, pause=0.05, longest_pause=0.1, proven=0.2)
WORKER = """
import os, signal, socket, sys, threading, time
mode, place = sys.argv[1:3]
fd, lifeline = (int(sys.argv[sys.argv.index(name) + 1]) for name in ("--fd", "--lifeline"))
with open(os.path.join(place, str(os.getpid())), "w") as file:
    file.write(" ".join(sys.argv[3:]))
line = socket.socket(fileno=lifeline)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "failing":
    sys.exit(3)
if mode == "mute":
    time.sleep(60)
if mode == "slow" and len(os.listdir(place)) > 1:
    time.sleep(1)
line.send(b"r")
line.recv(1)
"""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listen("127.0.0.1", 0) as one:
        yield one


def supervisor(mode: str, place: Path, listener: socket.socket, count: int = 2) -> Supervisor:
    command = (sys.executable, "-c", WORKER, mode, str(place))
    return Supervisor(command, listener, count, QUICK)


def started(place: Path) -> list[int]:
    return [int(path.name) for path in place.iterdir() if path.read_text()]


def wait_until_alive(place: Path, count: int) -> list[int]:
    deadline = time.monotonic() + 60
    while len(alive := [pid for pid in started(place) if psutil.pid_exists(pid)]) != count:
        assert time.monotonic() < deadline, (alive, started(place))
        time.sleep(0.02)
    return alive


def meanwhile(do: object) -> threading.Thread:
    """Run in a thread; the supervisor needs the main one, which gets the signals."""
    thread = threading.Thread(target=do)
    thread.start()
    return thread


def stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_workers_that_fail_to_start_are_given_up(tmp_path: Path, listener: socket.socket) -> None:
    assert supervisor("failing", tmp_path, listener).run() == 1
    assert len(started(tmp_path)) in (6, 7)  # one more may start before the sixth has ended


def test_workers_that_are_never_ready_are_given_up(tmp_path: Path, listener: socket.socket) -> None:
    assert supervisor("mute", tmp_path, listener, 1).run() == 1
    assert len(started(tmp_path)) == 3


def test_a_worker_that_dies_is_started_again_in_its_place(
    tmp_path: Path, listener: socket.socket
) -> None:
    fallen: list[int] = []

    def act() -> None:
        first = wait_until_alive(tmp_path, 2)
        os.kill(first[0], signal.SIGKILL)
        fallen.append(first[0])
        while len(started(tmp_path)) < 3:
            time.sleep(0.02)
        wait_until_alive(tmp_path, 2)
        stop()

    thread = meanwhile(act)
    assert supervisor("usual", tmp_path, listener).run() == 0
    thread.join()
    wait_until_alive(tmp_path, 0)
    arguments = {path.read_text().partition("--index ")[2] for path in tmp_path.iterdir()}
    assert arguments == {"1", "2"}


def test_clients_are_refused_at_once_while_no_worker_is_ready(
    tmp_path: Path, listener: socket.socket
) -> None:
    """One worker killed with -9: its clients do not wait for the next one."""
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/predict"
    answers: list[tuple[httpx.Response, float]] = []
    client = httpx.Client(trust_env=False)

    def act() -> None:
        [first] = wait_until_alive(tmp_path, 1)
        time.sleep(0.2)
        os.kill(first, signal.SIGKILL)
        for _ in range(5):
            began = time.monotonic()
            body = "x" * 500_000  # more than a socket holds: the rest must be read, too
            answer = client.post(url, content=body)
            answers.append((answer, time.monotonic() - began))
        stop()

    thread = meanwhile(act)
    assert supervisor("slow", tmp_path, listener, 1).run() == 0
    thread.join()
    assert {answer.status_code for answer, _ in answers} == {503}
    assert answers[0][0].headers["Retry-After"] == "5"
    assert answers[0][0].json()["title"] == "Not available now"
    assert max(seconds for _, seconds in answers) < 0.5


def test_a_client_that_sends_nothing_while_no_worker_is_ready_keeps_nobody_waiting(
    tmp_path: Path, listener: socket.socket
) -> None:
    def act() -> None:
        wait_until_alive(tmp_path, 1)
        address = listener.getsockname()
        with socket.create_connection(address), socket.create_connection(address) as second:
            second.sendall(b"GET / HTTP/1.1\r\n\r\n")
            second.settimeout(1.0)
            heard.append(second.recv(100))
        stop()

    heard: list[bytes] = []
    thread = meanwhile(act)
    patient = Times(start=60.0, grace=1.0)
    command = (sys.executable, "-c", WORKER, "mute", str(tmp_path))
    assert Supervisor(command, listener, 1, patient).run() == 0
    thread.join()
    assert heard[0].startswith(b"HTTP/1.1 503 Service Unavailable\r\n")


def test_a_worker_that_does_not_end_is_killed(tmp_path: Path, listener: socket.socket) -> None:
    thread = meanwhile(lambda: wait_until_alive(tmp_path, 2) and stop())
    began = time.monotonic()

    assert supervisor("stubborn", tmp_path, listener).run() == 0

    thread.join()
    wait_until_alive(tmp_path, 0)
    assert time.monotonic() - began > QUICK.grace


def test_a_second_signal_ends_all_at_once(tmp_path: Path, listener: socket.socket) -> None:
    def act() -> None:
        wait_until_alive(tmp_path, 2)
        stop()
        time.sleep(0.2)
        stop()

    patient = Supervisor(
        (sys.executable, "-c", WORKER, "stubborn", str(tmp_path)), listener, 2, Times(grace=60)
    )
    thread = meanwhile(act)
    began = time.monotonic()

    assert patient.run() == 0

    thread.join()
    assert time.monotonic() - began < 20


def test_signals_are_as_before_afterwards(tmp_path: Path, listener: socket.socket) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]

    supervisor("failing", tmp_path, listener).run()

    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_a_port_in_use_is_said_in_one_line(listener: socket.socket, tmp_path: Path) -> None:
    port = str(listener.getsockname()[1])
    done = subprocess.run(
        [sys.executable, "-m", "bentos.server", "--port", port],
        env={**os.environ, "RUNLORE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: cannot listen on 127.0.0.1 port {port}: Address already")
    assert len(done.stderr.splitlines()) == 1


def test_every_address_means_those_of_ipv4_too() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with listen("::", 0) as both:
        socket.create_connection(("127.0.0.1", both.getsockname()[1])).close()


def test_the_folder_of_the_counters_is_empty_and_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path))
    old = tmp_path / "prometheus_multiproc_dir" / "counter_1.db"
    old.parent.mkdir()
    old.touch()
    with metrics_folder() as folder:
        assert list(Path(folder).iterdir()) == []
        assert Path(folder).stat().st_mode & 0o077 == 0
    monkeypatch.delenv("BENTOML_HOME")
    with metrics_folder() as folder:
        assert Path(folder).stat().st_mode & 0o077 == 0
    assert not Path(folder).exists()
