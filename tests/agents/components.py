"""Small components in WebAssembly text, for tests."""

from wasmtime import wat2wasm

TYPE = '(param "input" string) (result (result string (error string)))'
ECHO = """
(i32.store (i32.const 0) (i32.const 0))
(i32.store (i32.const 4) (local.get $p))
(i32.store (i32.const 8) (local.get $n))
"""
LOOP = "(loop $again (br $again))"
GROW = (
    "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 100)) (i32.const -1)))) unreachable"
)
LARGE = """
(i32.store (i32.const 0) (i32.const 0))
(i32.store (i32.const 4) (i32.const 16))
(i32.store (i32.const 8) (i32.const 600000))
"""
REFUSE = "(i32.store (i32.const 0) (i32.const 1))" + ECHO[ECHO.index("\n", 2) :]


def component(body: str, imports: str = "", pages: int = 10) -> bytes:
    """A component whose `run` does `body`; $p, $n: where its input is, and its length."""
    return bytes(
        wat2wasm(f"""
(component
  {imports}
  (core module $m
    (memory (export "memory") {pages})
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (global.get $next))
      (global.set $next (i32.add (global.get $next) (local.get 3)))
      (local.get $at))
    (func (export "run") (param $p i32) (param $n i32) (result i32)
      {body}
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "run") {TYPE}
    (canon lift (core func $i "run") (memory (core memory $i "memory"))
      (realloc (core func $i "realloc")))))
""")
    )


CLOCK = bytes(
    wat2wasm(f"""
(component
  (import "clock" (func $clock (result u64)))
  (core func $now (canon lower (func $clock)))
  (core module $m
    (import "host" "now" (func $now (result i64)))
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "run") (param $p i32) (param $n i32) (result i32)
      (if (i64.lt_u (call $now) (i64.const 1500000000000)) (then unreachable))
      {ECHO}
      (i32.const 0)))
  (core instance $i (instantiate $m (with "host" (instance (export "now" (func $now))))))
  (func (export "run") {TYPE}
    (canon lift (core func $i "run") (memory (core memory $i "memory"))
      (realloc (core func $i "realloc")))))
""")
)

LOG = bytes(
    wat2wasm(f"""
(component
  (import "log" (func $log (param "line" string)))
  (core module $memory
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $k (instantiate $memory))
  (core func $write (canon lower (func $log) (memory (core memory $k "memory"))))
  (core module $m
    (import "host" "write" (func $write (param i32 i32)))
    (import "k" "memory" (memory 1))
    (func (export "run") (param $p i32) (param $n i32) (result i32)
      (call $write (local.get $p) (local.get $n))
      {ECHO}
      (i32.const 0)))
  (core instance $i (instantiate $m
    (with "host" (instance (export "write" (func $write)))) (with "k" (instance $k))))
  (func (export "run") {TYPE}
    (canon lift (core func $i "run") (memory (core memory $k "memory"))
      (realloc (core func $k "realloc")))))
""")
)
