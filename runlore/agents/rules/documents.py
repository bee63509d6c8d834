"""JSON that agents and their users give: configs, inputs, outputs, bodies of messages."""

import json

from runlore.kernel.errors import BadInput

MAX_DOCUMENT_BYTES = 256 * 1024


def check_document(value: object, field: str, max_bytes: int = MAX_DOCUMENT_BYTES) -> None:
    r"""Raises BadInput for what PostgreSQL's JSON cannot hold, or for too much.

    >>> check_document({"a": [1, "x"]}, "input_data")
    >>> check_document({"a": "\\u0000 as six letters"}, "input_data")
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise BadInput(f"{field}: holds half a character", field) from error
    except (TypeError, ValueError) as error:
        raise BadInput(f"{field}: is no JSON: {error}", field) from error
    if "\\u0000" in text.replace("\\\\", ""):
        raise BadInput(f"{field}: holds a null character; leave it out", field)
    if size > max_bytes:
        raise BadInput(f"{field}: {size:,} bytes are more than {max_bytes:,}", field)
