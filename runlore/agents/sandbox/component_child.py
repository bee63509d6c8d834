"""The process that runs one task in one WebAssembly component. It imports nothing of Runlore.

It reads a line of JSON and the component's bytes from stdin, and writes a line of JSON to stdout.
There is no WASI: a component has only the functions that its permissions name.
"""

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wasmtime import Config, Engine
    from wasmtime.component import Component, Linker

HEADROOM_BYTES = 1 << 30  # for Python, wasmtime, and the code that it compiles
CPU_HEADROOM_S = 10
MAX_LOG_LINES = 100
MAX_LOG_CHARACTERS = 1000
MAX_TABLE_ELEMENTS = 100_000
MAX_TABLES = 16
MAX_INSTANCES = 64
PAGE = 65_536
HOST_FUNCTIONS = ("clock", "config", "log", "random")


class ComponentFault(Exception):
    """Why the component was stopped."""


def main() -> None:
    order = json.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read(order["bytes"])
    log: list[str] = []
    try:
        answer: dict[str, Any] = {"output": run(order, content, log)}
    except ComponentFault as error:
        answer = {"stopped": str(error)}
    except MemoryError:
        answer = {"stopped": "memory: the process needs more than it may have"}
    text = json.dumps({**answer, "log": log})
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def run(order: dict[str, Any], content: bytes, log: list[str]) -> str:
    """The component's output as text. Raises ComponentFault."""
    from wasmtime import Engine, Store, WasmtimeError

    engine = Engine(_config())
    _limit_process(order["memory_bytes"], order["time_s"])
    component = _compiled(engine, content)
    linker = _linker(engine, component, order, log)
    store = Store(engine)
    store.set_limits(
        memory_size=order["memory_bytes"],
        table_elements=MAX_TABLE_ELEMENTS,
        instances=MAX_INSTANCES,
        tables=MAX_TABLES,
        memories=1,
    )
    store.set_fuel(order["fuel"])
    store.set_epoch_deadline(1)
    clock = threading.Timer(order["time_s"], engine.increment_epoch)
    clock.daemon = True
    clock.start()
    try:
        function = linker.instantiate(store, component).get_func(store, "run")
        if function is None:
            raise ComponentFault("run: the component exports no function of that name")
        answer = function(store, order["input"])
        function.post_return(store)
    except WasmtimeError as error:
        is_empty = store.get_fuel() == 0
        raise ComponentFault(_error_text(str(error), order, is_empty=is_empty)) from error
    except (TypeError, ValueError) as error:  # of `run` with another signature
        raise ComponentFault(
            f"run: is not func(input: string) -> result<string, string>: {error}"
        ) from error
    finally:
        clock.cancel()
    return _checked(answer, order["output_bytes"])


def _config() -> "Config":
    from wasmtime import Config

    config = Config()
    config.consume_fuel = True
    config.epoch_interruption = True
    config.parallel_compilation = False
    config.wasm_threads = False
    config.wasm_memory64 = False
    config.memory_reservation = 0  # else 4 GiB of addresses for each memory
    config.memory_reservation_for_growth = 0
    config.memory_guard_size = PAGE
    return config


def _limit_process(memory_bytes: int, time_s: float) -> None:
    """Limits of the operating system, in case those of wasmtime have a fault."""
    import resource

    cpu_s = int(time_s) + CPU_HEADROOM_S
    for name, value in (
        ("RLIMIT_AS", _used_bytes() + memory_bytes * 2 + HEADROOM_BYTES),
        ("RLIMIT_CPU", cpu_s),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_CORE", 0),
    ):
        with contextlib.suppress(OSError, ValueError):  # macOS has no limit of addresses
            resource.setrlimit(getattr(resource, name), (value, value))


def _used_bytes() -> int:
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return HEADROOM_BYTES


def _compiled(engine: "Engine", content: bytes) -> "Component":
    from wasmtime import WasmtimeError
    from wasmtime.component import Component

    if content[:4] != b"\0asm":
        raise ComponentFault("the file is no WebAssembly")
    if content[4:8] == b"\x01\0\0\0":
        raise ComponentFault(
            "the file is a core module; make it a component (`wasm-tools component new`)"
        )
    try:
        return Component(engine, content)
    except WasmtimeError as error:
        raise ComponentFault(f"the component is not valid: {_first_lines(str(error))}") from error


def _linker(
    engine: "Engine", component: "Component", order: dict[str, Any], log: list[str]
) -> "Linker":
    from wasmtime.component import Linker

    functions = _host_functions(order, log)
    for name in component.type.imports(engine):
        if name not in HOST_FUNCTIONS:
            raise ComponentFault(
                f"it asks for {name[:80]!r}, which no permission gives: a component has no files,"
                " network or environment"
            )
        if name not in order["permissions"]:
            raise ComponentFault(f"it asks for {name!r}, which its permissions do not name")
    linker = Linker(engine)
    with linker.root() as root:
        for name, function in functions.items():
            if name in order["permissions"]:
                root.add_func(name, function)
    return linker


def _host_functions(order: dict[str, Any], log: list[str]) -> dict[str, Callable[..., object]]:
    def write_log(_store: object, line: str) -> None:
        if len(log) < MAX_LOG_LINES:
            log.append(line[:MAX_LOG_CHARACTERS])

    return {
        "clock": lambda _store: int(time.time() * 1000),
        "config": lambda _store: order["config"],
        "log": write_log,
        "random": lambda _store: int.from_bytes(os.urandom(8)),
    }


def _checked(answer: object, output_bytes: int) -> str:
    tag, text = getattr(answer, "tag", None), getattr(answer, "payload", None)
    if tag not in {"ok", "err"} or not isinstance(text, str):
        raise ComponentFault("run: is not func(input: string) -> result<string, string>")
    size = len(text.encode())
    if size > output_bytes:
        raise ComponentFault(f"output: {size:,} bytes are more than {output_bytes:,}")
    if tag == "err":
        raise ComponentFault(f"it says: {text[:MAX_LOG_CHARACTERS]}")
    return text


def _error_text(text: str, order: dict[str, Any], *, is_empty: bool) -> str:
    """is_empty: no fuel is left."""
    if is_empty or "all fuel consumed" in text:
        return f"fuel: it used more than {order['fuel']:,} units"
    if "wasm trap: interrupt" in text:
        return f"time: it took more than {order['time_s']:g} s"
    if "memory" in text and "limit" in text:
        return f"memory: {_memory_text(order)}"
    _, is_trap, trap = text.partition("wasm trap: ")
    if is_trap:
        return f"it crashed ({trap.splitlines()[0][:200]}); {_memory_text(order)}"
    return f"it cannot be run: {_first_lines(text)}"


def _memory_text(order: dict[str, Any]) -> str:
    return f"it may have {order['memory_bytes']:,} bytes of memory"


def _first_lines(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "; ".join(lines[:2])[:300]


if __name__ == "__main__":
    main()
