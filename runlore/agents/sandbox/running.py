"""Run one task in one WebAssembly component: a new process, bounded input, output and time."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runlore.agents.rules.documents import check_document
from runlore.kernel.errors import BadInput, Refused

CHILD = Path(__file__).with_name("component_child.py")
START_S = 20.0  # to start Python, and to compile the component; on a busy machine
MAX_COMPONENT_BYTES = 8 << 20
LARGEST_ANSWER = 4 << 20  # bytes that the child may write: output, log, and their escapes


@dataclass(frozen=True)
class SandboxLimits:
    """Of one task. fuel: about one unit for each instruction. time_s: of the wall clock."""

    fuel: int = 1_000_000_000
    memory_bytes: int = 64 << 20
    time_s: float = 10.0
    output_bytes: int = 256 << 10


@dataclass(frozen=True)
class SandboxTask:
    """permissions: the host functions that it may call: clock, config, log, random."""

    component: bytes
    input: Mapping[str, Any]
    permissions: Sequence[str] = ()
    config: Mapping[str, Any] | None = None
    limits: SandboxLimits = SandboxLimits()


@dataclass(frozen=True)
class SandboxResult:
    output: object
    log: Sequence[str]


class ComponentStopped(Refused):
    """A component was stopped, or says itself that it failed; the message says why.

    log: what it wrote before.
    """

    def __init__(self, message: str, log: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.log = log


def run_component(task: SandboxTask) -> SandboxResult:
    """The output of a component for one task.

    Raises BadInput for an input that is too large, and ComponentStopped.
    """
    check_document(dict(task.input), "input_data")
    if len(task.component) > MAX_COMPONENT_BYTES:
        raise BadInput(f"component: more than {MAX_COMPONENT_BYTES:,} bytes", "component")
    answer = _answer(task)
    log = [str(line) for line in answer.get("log", ())]
    if "stopped" in answer:
        raise ComponentStopped(str(answer["stopped"]), log)
    return SandboxResult(_output(str(answer["output"]), log), log)


def _output(text: str, log: Sequence[str]) -> object:
    try:
        value: object = json.loads(text)
        check_document(value, "output")
    except (ValueError, RecursionError) as error:
        raise ComponentStopped(f"output: is no JSON: {str(error)[:100]}", log) from error
    except BadInput as error:
        raise ComponentStopped(str(error), log) from error
    return value


def _answer(task: SandboxTask) -> dict[str, Any]:
    order = {
        **asdict(task.limits),
        "bytes": len(task.component),
        "input": json.dumps(dict(task.input)),
        "permissions": list(task.permissions),
        "config": json.dumps(dict(task.config or {})),
    }
    content = json.dumps(order).encode() + b"\n" + task.component
    child = subprocess.Popen(
        [sys.executable, "-I", str(CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={},
        close_fds=True,
        start_new_session=True,
    )
    try:
        written, _ = child.communicate(content, timeout=task.limits.time_s + START_S)
    except subprocess.TimeoutExpired as error:
        raise ComponentStopped(f"time: it took more than {task.limits.time_s:g} s") from error
    finally:
        _end(child)
    if child.returncode != 0 or not written or len(written) > LARGEST_ANSWER:
        raise ComponentStopped(f"its process ended without an answer ({_how(child.returncode)})")
    answer: dict[str, Any] = json.loads(written)
    return answer


def _end(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def _how(returncode: int) -> str:
    return f"exit code {returncode}" if returncode >= 0 else f"signal {-returncode}"
