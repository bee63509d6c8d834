"""The Python examples of a document."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def python_blocks(page: str) -> list[str]:
    """The code blocks of a page that are marked as Python, in their order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run_blocks(blocks: list[str], names: dict[str, Any]) -> None:
    """Run blocks one after the other in one namespace."""
    for at, block in enumerate(blocks):
        exec(compile(block, f"block {at}", "exec"), names)  # noqa: S102
