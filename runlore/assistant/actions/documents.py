"""An answer of a tool as MCP and the chat give it, and the tools as they are listed."""

import logging
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from runlore.assistant.actions.tools import Tool
from runlore.assistant.rules.arguments import compact_schema
from runlore.assistant.rules.figures import ToolAnswer
from runlore.assistant.rules.log_text import NOTICE, clean
from runlore.kernel.errors import RunloreError
from runlore.kernel.json_values import as_json
from runlore.kernel.redaction import redact_value

LONGEST_ERROR = 600
PATH = re.compile(r"(?<![\w/])/(?:home|root|tmp|var|usr|opt|srv|etc|mnt|Users|work)/[^\s:;,]+")
NUMBER = {"type": ["number", "null"]}
FIGURE = {
    "type": "object",
    "patternProperties": {"^(value|low|high)$": NUMBER},
    "required": ["name", "value", "low", "high", "unit", "n", "id", "as_of"],
}
ANSWER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "answer": {"type": "string"},
        "as_of": {"type": "string"},
        "figures": {"type": "array", "items": FIGURE},
        "rows": {"type": "array"},
        "truncated": {"type": "array"},
    },
    "required": ["answer", "as_of", "figures", "rows", "truncated", "notice"],
}  # of every tool
log = logging.getLogger("runlore.assistant")


def answer_document(answer: ToolAnswer) -> dict[str, Any]:
    """The answer as JSON; secrets that came in by a log are redacted in any place."""
    document = {
        "answer": answer.answer,
        "as_of": answer.as_of,
        "figures": [asdict(one) for one in answer.figures],
        "rows": [dict(one) for one in answer.rows],
        "truncated": list(answer.truncated),
        "notice": NOTICE,
    }
    plain: dict[str, Any] = redact_value(as_json(_in_utc(document)))
    return plain


def _in_utc(value: Any) -> Any:  # noqa: ANN401  (whatever an answer holds)
    """Instants as the routes of the service write them."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {name: _in_utc(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_in_utc(one) for one in value]
    return value


def error_text(error: Exception) -> str:
    """What went wrong and what to do, on one line; of an unexpected one only the log knows more."""
    if isinstance(error, RunloreError):
        return PATH.sub("(a file of this machine)", clean(str(error), LONGEST_ERROR))
    log.error("a tool failed", exc_info=error)
    return "unexpected error; its cause is in the log of Runlore. Try again, or ask something else"


def input_schema(tool: Tool) -> Mapping[str, Any]:
    """What the tool takes, as JSON schema."""
    return compact_schema(tool.arguments)
