"""Components run within limits: whatever they try, they are stopped with a plain reason."""

import pytest
from wasmtime import wat2wasm

from runlore.agents.sandbox.running import (
    ComponentStopped,
    SandboxLimits,
    SandboxTask,
    run_component,
)
from runlore.kernel.errors import BadInput
from tests.agents.components import CLOCK, ECHO, GROW, LARGE, LOOP, REFUSE, component

INPUT = {"topic": "tea", "n": 3}
FILES = '(import "wasi:filesystem/preopens@0.2.0" (instance (export "x" (func))))'
NETWORK = '(import "wasi:sockets/tcp@0.2.0" (instance (export "x" (func))))'
ENVIRONMENT = '(import "wasi:cli/environment@0.2.0" (instance (export "x" (func))))'


def test_a_component_answers_with_json() -> None:
    assert run_component(SandboxTask(component(ECHO), INPUT)).output == INPUT


def test_a_permission_gives_its_function_and_nothing_else_does() -> None:
    assert run_component(SandboxTask(CLOCK, INPUT, ("clock",))).output == INPUT
    with pytest.raises(ComponentStopped, match="'clock', which its permissions do not name"):
        run_component(SandboxTask(CLOCK, INPUT, ("config", "log", "random")))


@pytest.mark.parametrize(
    ("content", "limits", "reason"),
    [
        (component(LOOP), SandboxLimits(fuel=1_000_000), "fuel: it used more than 1,000,000"),
        (component(LOOP), SandboxLimits(fuel=10**15, time_s=0.2), r"time: .* more than 0\.2 s"),
        (component(GROW), SandboxLimits(), "may have 67,108,864 bytes of memory"),
        (component(ECHO, pages=2000), SandboxLimits(), "memory: .* 67,108,864 bytes"),
        (component(LARGE), SandboxLimits(), "output: 600,000 bytes are more than 262,144"),
        (component(ECHO, FILES), SandboxLimits(), "wasi:filesystem.* no files"),
        (component(ECHO, NETWORK), SandboxLimits(), "wasi:sockets.* network"),
        (component(ECHO, ENVIRONMENT), SandboxLimits(), "wasi:cli/environment.* environment"),
        (component(REFUSE), SandboxLimits(), 'it says: {"topic"'),
        (bytes(wat2wasm("(module)")), SandboxLimits(), "core module"),
        (bytes(wat2wasm("(component)")), SandboxLimits(), "exports no function"),
        (b"import os", SandboxLimits(), "no WebAssembly"),
    ],
)
def test_what_goes_beyond_its_limits_is_stopped(
    content: bytes, limits: SandboxLimits, reason: str
) -> None:
    with pytest.raises(ComponentStopped, match=reason):
        run_component(SandboxTask(content, INPUT, limits=limits))


def test_text_that_is_no_json_is_no_output() -> None:
    words = component("(i32.store8 (local.get $p) (i32.const 120))" + ECHO)
    with pytest.raises(ComponentStopped, match="no JSON"):
        run_component(SandboxTask(words, INPUT))


def test_an_input_that_is_too_large_never_starts_a_process() -> None:
    with pytest.raises(BadInput, match="more than"):
        run_component(SandboxTask(b"", {"text": "x" * 300_000}))
