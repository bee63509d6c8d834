"""Real answers of the service, as examples in the OpenAPI document.

`make examples` writes the file out of a service that runs; a test compares it with what is
answered now.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("response_examples.json")
Examples = dict[str, dict[str, Any]]  # "METHOD path" -> status -> body


@cache
def response_examples() -> Examples:
    examples: Examples = json.loads(FILE.read_text(encoding="utf-8"))
    return examples


def example_of(method: str, path: str, status: str) -> Any | None:  # noqa: ANN401  (JSON)
    """The body of a real answer; None where the file has none."""
    return response_examples().get(f"{method} {path}", {}).get(status)
