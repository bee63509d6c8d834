"""Fifteen hostile packages, and a publisher that turns hostile after fifteen good updates.

    PYTHONPATH=. python bench/hostile_packages.py

Each goes the way of any package: publish, install, and (for what only shows when it runs) a task in
the sandbox. A package is stopped when one of these refuses it. Exit code 1: one was not stopped.
"""

import io
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from runlore.agents.sandbox.running import SandboxLimits, SandboxTask, run_component
from runlore.kernel.errors import RunloreError
from runlore.marketplace.actions.installing import install, load_installed, update
from runlore.marketplace.actions.publishing import publish, rotate_key
from runlore.marketplace.rules.signatures import sign_rotation
from runlore.settings import Settings
from runlore.store.engine import Store, open_store
from tests.agents.components import ECHO, GROW, LARGE, LOOP, component
from tests.marketplace.packed import CODE, KEY, NEW_KEY, OTHER_KEY, packed

FILES = '(import "wasi:filesystem/preopens@0.2.0" (instance (export "x" (func))))'
NETWORK = '(import "wasi:sockets/tcp@0.2.0" (instance (export "x" (func))))'
ENVIRONMENT = '(import "wasi:cli/environment@0.2.0" (instance (export "x" (func))))'
GOOD_UPDATES = 15
Attack = Callable[[Store], None]


def repacked(archive: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """The same zip with other entries."""
    with zipfile.ZipFile(io.BytesIO(archive)) as old:
        entries = {name: old.read(name) for name in old.namelist()}
    change(entries)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in entries.items():
            new.writestr(name, content)
    return buffer.getvalue()


def changed_byte(store: Store) -> None:
    publish(store, repacked(packed("a-byte"), lambda e: e.update({"agent.wasm": CODE[:-1] + b"1"})))


def wrong_signature(store: Store) -> None:
    def change(entries: dict[str, bytes]) -> None:
        entries["manifest.json"] = entries["manifest.json"].replace(b"Writes", b"Steals")

    publish(store, repacked(packed("a-signature"), change))


def replayed_version(store: Store) -> None:
    old = packed("a-replay", version="1.0.0")
    publish(store, old)
    publish(store, packed("a-replay", version="1.0.1", code=CODE + b"1"))
    publish(store, old)


def name_squatting(store: Store) -> None:
    made = publish(store, packed("trend-analyser-official", OTHER_KEY, publisher="squatter"))
    install(store, made.package_id)


def path_traversal(store: Store) -> None:
    publish(store, repacked(packed("a-path"), lambda e: e.update({"../../etc/cron.d/x": b"x"})))


def zip_bomb(store: Store) -> None:
    publish(store, repacked(packed("a-bomb"), lambda e: e.update({"agent.wasm": bytes(1 << 28)})))


def permission_creep(store: Store) -> None:
    agent = install(store, publish(store, packed("a-creep")).package_id).agent_id
    publish(store, packed("a-creep", version="1.0.1", permissions=["net:evil.example"]))
    update(store, agent)


def stolen_key(store: Store) -> None:
    publish(store, packed("a-key", publisher="robbed", key="44" * 32))
    rotate_key(store, sign_rotation("robbed", 2, "44" * 32, NEW_KEY))
    publish(store, packed("a-key", publisher="robbed", key="44" * 32, version="1.0.1"))


def unicode_name(store: Store) -> None:
    card = {"title": "TrendАnalyzer"}  # a Cyrillic А
    made = publish(store, packed("a-helper", OTHER_KEY, publisher="squatter", card=card))
    install(store, made.package_id)


def dependency_confusion(store: Store) -> None:
    publish(store, packed("inner-tool"))
    publish(store, packed("inner-tool", OTHER_KEY, publisher="squatter", version="99.0.0"))


def running(name: str, code: bytes) -> Attack:
    """A package whose bytes are in order; only running it shows what it does."""

    def attack(store: Store) -> None:
        made = publish(store, packed(name, code=code, limits={"fuel": 50_000_000}))
        loaded = load_installed(store, install(store, made.package_id).agent_id)
        limits = loaded.manifest.wasm_limits
        sandbox = SandboxLimits(
            limits.fuel, limits.memory_bytes, limits.time_ms / 1000, limits.output_bytes
        )
        code_of_it = loaded.files[loaded.manifest.entry]
        run_component(SandboxTask(code_of_it, {}, sorted(loaded.permissions), {}, sandbox))

    return attack


ATTACKS: dict[str, Attack] = {
    "changed byte": changed_byte,
    "wrong signature": wrong_signature,
    "replayed old version": replayed_version,
    "name squatting": name_squatting,
    "path traversal": path_traversal,
    "zip bomb": zip_bomb,
    "permission creep": permission_creep,
    "endless loop": running("b-forever", component(LOOP)),
    "memory bomb": running("c-greedy", component(GROW)),
    "file access": running("d-reader", component(ECHO, FILES)),
    "network access": running("e-caller", component(ECHO, NETWORK)),
    "environment read": running("f-spy", component(ECHO, ENVIRONMENT)),
    "oversized output": running("g-flood", component(LARGE)),
    "stolen key after rotation": stolen_key,
    "unicode name": unicode_name,
    "dependency confusion": dependency_confusion,
}


def rug_pull(store: Store) -> None:
    """Good updates under the granted permissions, then one that asks for the network."""
    agent = install(store, publish(store, packed("h-patient")).package_id).agent_id
    for patch in range(1, GOOD_UPDATES + 1):
        publish(store, packed("h-patient", version=f"1.0.{patch}", code=CODE + bytes([patch])))
        assert update(store, agent).version == f"1.0.{patch}"
    evil = {"permissions": ["net:evil.example"], "changelog": "Small fixes"}
    publish(store, packed("h-patient", version="1.0.99", **evil))
    update(store, agent)


def stopped(store: Store, name: str, attack: Attack) -> bool:
    try:
        attack(store)
    except RunloreError as error:
        print(f"stopped      {name}: {error}")
        return True
    print(f"NOT STOPPED  {name}")
    return False


def main() -> int:
    with (
        tempfile.TemporaryDirectory(dir="/tmp", prefix="rl-") as folder,
        open_store(Settings(home=Path(folder), database_url=None)) as store,
    ):
        publish(store, packed("known-writer", KEY))
        safe = [stopped(store, name, attack) for name, attack in ATTACKS.items()]
        pulled = stopped(store, f"{GOOD_UPDATES} good updates, then a hostile one", rug_pull)
    print(f"{sum(safe)} of {len(safe)} hostile packages stopped; after good updates: {pulled}")
    return 0 if all(safe) and pulled else 1


if __name__ == "__main__":
    sys.exit(main())
