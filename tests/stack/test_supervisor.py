"""The supervisor with small services of Python's own; the real ones are in test_up.py."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from runlore.kernel import instants
from runlore.kernel.errors import Unavailable
from runlore.settings import Settings
from runlore.stack import processes, tcp_ports
from runlore.stack.child import Child, ServiceEvent, ServiceState
from runlore.stack.log_files import LogLimit
from runlore.stack.probes import HttpProbe, TaskProbe
from runlore.stack.services import Service
from runlore.stack.supervisor import StackSupervisor

HOST = "127.0.0.1"


def web(name: str, needs: tuple[str, ...] = ()) -> Service:
    port = tcp_ports.free_port(HOST)
    return Service(
        name=name,
        title=name,
        command=(sys.executable, "-m", "http.server", str(port), "--bind", HOST),
        probe=HttpProbe(f"http://{HOST}:{port}/"),
        address=f"http://{HOST}:{port}",
        port=tcp_ports.Port(port, "mlflow_port"),
        needs=needs,
    )


def task(script: str) -> Service:
    command = (sys.executable, "-S", "-c", script)
    return Service(name="task", title="task", command=command, probe=TaskProbe(), address="")


@contextmanager
def supervised(
    settings: Settings, *services: Service, watched: bool = True
) -> Iterator[tuple[StackSupervisor, list[ServiceEvent]]]:
    events: list[ServiceEvent] = []
    (settings.home / "run").mkdir()
    ours = {service.name for service in services}
    supervisor = StackSupervisor(settings, services, ours, events.append, is_lasting=True)
    try:
        if watched:
            supervisor.start(with_database=False)
        yield supervisor, events
    finally:
        supervisor.stop()


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not holds():
        time.sleep(0.02)
    return holds()


def told(events: list[ServiceEvent], name: str) -> list[ServiceState]:
    return [event.state for event in events if event.name == name]


def server_of(settings: Settings, name: str) -> int:
    running = processes.read(settings.home, name)
    assert running is not None
    [pid] = processes.below(running)
    return pid


def test_services_are_well_when_start_returns_and_gone_after_stop(settings: Settings) -> None:
    first, second = web("first"), web("second")
    with supervised(settings, first, second) as (_, events):
        for service in (first, second):
            assert isinstance(service.probe, HttpProbe)
            assert not tcp_ports.is_free(HOST, int(service.address.rpartition(":")[2]))
        pids = [server_of(settings, name) for name in ("first", "second")]
    assert told(events, "first") == [
        ServiceState.STARTING,
        ServiceState.HEALTHY,
        ServiceState.STOPPED,
    ]
    assert not any(processes.identify(pid) for pid in pids)
    assert tcp_ports.is_free(HOST, int(first.address.rpartition(":")[2]))


def test_a_service_waits_for_what_it_needs_and_is_stopped_before_it(settings: Settings) -> None:
    with supervised(settings, web("base"), web("upper", needs=("base",))) as (_, events):
        pass
    order = [(event.name, event.state) for event in events]
    assert order == [
        ("base", ServiceState.STARTING),
        ("base", ServiceState.HEALTHY),
        ("upper", ServiceState.STARTING),
        ("upper", ServiceState.HEALTHY),
        ("upper", ServiceState.STOPPED),
        ("base", ServiceState.STOPPED),
    ]


def test_services_that_do_not_need_each_other_start_together(settings: Settings) -> None:
    with supervised(settings, web("first"), web("second")) as (_, events):
        assert [event.state for event in events[:2]] == [
            ServiceState.STARTING,
            ServiceState.STARTING,
        ]


def test_a_service_that_was_killed_is_started_again(settings: Settings) -> None:
    with supervised(settings, web("web")) as (supervisor, events):
        before = server_of(settings, "web")
        os.kill(before, signal.SIGKILL)
        assert within(60, lambda: told(events, "web").count(ServiceState.HEALTHY) == 2)
        assert server_of(settings, "web") != before
        assert supervisor.children[0].is_ready
    assert ServiceState.RESTARTING in told(events, "web")


def test_a_task_is_ready_when_it_has_ended_well_and_is_not_started_again(
    settings: Settings,
) -> None:
    with supervised(settings, task("pass"), web("web", needs=("task",))) as (_, events):
        time.sleep(0.7)
    assert told(events, "task") == [ServiceState.STARTING, ServiceState.DONE]


def test_a_service_that_never_comes_up_is_given_up_with_its_log_and_last_words(
    settings: Settings,
) -> None:
    broken = task("import sys; print('no such table'); sys.exit(3)")
    expected = pytest.raises(Unavailable, match="3 times in a row")
    with expected as error, supervised(settings, broken):
        pass
    assert "exit code 3" in str(error.value)
    assert f"{settings.logs / 'task.log'}: no such table" in str(error.value)


def test_a_service_that_cannot_come_up_takes_the_others_down_again(settings: Settings) -> None:
    fine = web("fine")
    expected = pytest.raises(Unavailable, match="task: ended with exit code 1")
    with expected, supervised(settings, fine, task("raise SystemExit(1)")):
        pass
    assert tcp_ports.is_free(HOST, int(fine.address.rpartition(":")[2]))


def test_a_service_that_does_not_answer_in_time_is_given_up(settings: Settings) -> None:
    silent = replace(
        web("silent"),
        command=(sys.executable, "-S", "-c", "import time; time.sleep(60)"),
        patience_s=0.3,
    )
    expected = pytest.raises(
        Unavailable, match=r"silent: no answer for 0 s \(http://127.0.0.1:\d+/"
    )
    with expected, supervised(settings, silent):
        pass


def test_what_each_service_prints_is_in_its_log(settings: Settings) -> None:
    with supervised(settings, task("print('hello')"), web("web")):
        assert (settings.logs / "task.log").read_text() == "hello\n"
        assert within(60, lambda: "GET / HTTP" in (settings.logs / "web.log").read_text())


WRITE = """
import sys, time
for number in range(100_000):
    print(f"{number:07} " + "x" * 100, flush=True)
    if number % 100 == 0: time.sleep(0.002)
print("the end", flush=True)
time.sleep(600)
"""


def test_a_log_is_rotated_while_its_service_writes(settings: Settings) -> None:
    chatty = replace(web("chatty"), command=(sys.executable, "-S", "-c", WRITE))
    child = Child(chatty, settings.logs, lambda _: None, LogLimit(1_000_000, 2))
    child.start(os.environ, settings.home, instants.now())
    try:
        newest = b""
        while b"the end" not in newest:
            child.tick(instants.now())
            newest = child.log.read_bytes()
            time.sleep(0.01)
    finally:
        child.kill()
    files = sorted(settings.logs.iterdir())
    assert [file.name for file in files] == ["chatty.log", "chatty.log.1", "chatty.log.2"]
    assert all(file.stat().st_size < 2_000_000 for file in files)
    lines = b"".join(file.read_bytes() for file in reversed(files)).splitlines()
    numbers = [int(line[:7]) for line in lines if line[:7].isdigit()]
    lost = numbers[-1] - numbers[0] + 1 - len(numbers)
    assert lost <= 10
    assert b"\0" not in b"".join(lines)


def test_a_service_finds_only_its_settings_and_runs_in_the_home(settings: Settings) -> None:
    script = "import os; print(os.getcwd(), os.environ['RUNLORE_HOME'])"
    with supervised(settings, task(script)):
        home = settings.home.resolve()
        assert (settings.logs / "task.log").read_text() == f"{home} {settings.home}\n"


def test_the_answer_of_another_program_on_its_port_is_not_taken_for_its_own(
    settings: Settings,
) -> None:
    mine = web("web")
    assert mine.port is not None
    idle = replace(mine, command=(sys.executable, "-S", "-c", "import time; time.sleep(60)"))
    foreign = subprocess.Popen(mine.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert within(60, lambda: not tcp_ports.is_free(HOST, mine.port.number))
        idle = replace(idle, patience_s=1.0)
        with (
            supervised(settings, idle, watched=False) as (them, events),
            pytest.raises(Unavailable, match="another program answers on port"),
        ):
            them.start(with_database=False)
        assert ServiceState.HEALTHY not in {event.state for event in events}
    finally:
        foreign.kill()
        foreign.wait()
