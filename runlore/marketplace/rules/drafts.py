"""A manifest as a person writes it: any layout, without hashes."""

import json
from collections.abc import Mapping

from pydantic import ValidationError

from runlore.kernel.errors import BadInput
from runlore.marketplace.rules.manifest import SCHEMA, Manifest, first_fault

UNKNOWN = {"sha256": "0" * 64, "bytes": 0}


def read_draft(content: bytes, files: Mapping[str, bytes]) -> Manifest:
    """`schema` and `files` may be left out: packing writes them. Raises BadInput.

    >>> card = '{"title": "A", "description": "Says A"}'
    >>> text = '{"name": "say-a", "publisher": "acme", "version": "1.0.0", "form": "wasm", '
    >>> read_draft((text + f'"entry": "a.wasm", "card": {card}}}').encode(), {"a.wasm": b""}).name
    'say-a'
    """
    try:
        draft = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"manifest.json: is no JSON: {str(error)[:100]}", "manifest") from error
    if not isinstance(draft, dict):
        raise BadInput("manifest.json: write an object", "manifest")
    whole = {"schema": SCHEMA} | draft | {"files": dict.fromkeys(files, UNKNOWN)}
    try:
        return Manifest.model_validate_json(json.dumps(whole))
    except ValidationError as error:
        raise BadInput(first_fault(error.errors()), "manifest") from error
