"""The id of a request: a client's own if it is well-formed, else a new one.

It is in the answer's header, in the problem document of an error, and in every line that the
request writes to the log.
"""

import re
import secrets

from starlette.requests import Request

from runlore.kernel.log_lines import current_field

HEADER = "X-Request-ID"
WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,99}")


def request_id_of(request: Request) -> str:
    """A client's id has at most 100 characters, and none that a log could take for something."""
    sent = request.headers.get(HEADER, "")
    return sent if WELL_FORMED.fullmatch(sent) else secrets.token_hex(16)


def current_request_id() -> str | None:
    """The id of the request under way; None outside of one."""
    return current_field("request_id")
