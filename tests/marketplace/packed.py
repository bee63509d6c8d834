"""Packages for tests: made, signed and packed."""

from typing import Any

from runlore.marketplace.rules.archives import write_archive
from runlore.marketplace.rules.manifest import SCHEMA, Manifest

KEY = "11" * 32  # private keys of publishers
OTHER_KEY = "22" * 32
NEW_KEY = "33" * 32
CODE = b"\0asm\x01\0\0\0"


def manifest(name: str = "post-writer", **changes: Any) -> Manifest:
    card = {"title": name, "description": "Writes posts", "capabilities": ["text"]}
    files = {"agent.wasm": {"sha256": "0" * 64, "bytes": 0}}
    values = {
        "schema": SCHEMA,
        "name": name,
        "publisher": "acme",
        "version": "1.0.0",
        "form": "wasm",
        "entry": "agent.wasm",
        "card": card | changes.pop("card", {}),
        "files": files,
    }
    return Manifest.model_validate(values | changes)


def packed(name: str = "post-writer", key: str = KEY, code: bytes = CODE, **changes: Any) -> bytes:
    return write_archive(manifest(name, **changes), {"agent.wasm": code}, key)
