"""Errors of A2A 1.0 by JSON-RPC: a code, and the reason as google.rpc.ErrorInfo."""

from enum import Enum
from typing import Any

from pydantic import ValidationError

from bentos.http.errors import problem
from runlore.agents.rules.a2a.task_shape import WrongPart
from runlore.kernel.errors import BadInput, NotFound, Refused, RunloreError


class A2aCode(Enum):
    PARSE = -32700, "PARSE_ERROR"
    REQUEST = -32600, "INVALID_REQUEST"
    METHOD = -32601, "METHOD_NOT_FOUND"
    PARAMS = -32602, "INVALID_PARAMS"
    TASK_NOT_FOUND = -32001, "TASK_NOT_FOUND"
    NOT_CANCELABLE = -32002, "TASK_NOT_CANCELABLE"
    NO_PUSH = -32003, "PUSH_NOTIFICATION_NOT_SUPPORTED"
    UNSUPPORTED = -32004, "UNSUPPORTED_OPERATION"
    CONTENT_TYPE = -32005, "CONTENT_TYPE_NOT_SUPPORTED"
    VERSION = -32009, "VERSION_NOT_SUPPORTED"

    @property
    def code(self) -> int:
        return self.value[0]

    @property
    def reason(self) -> str:
        return self.value[1]


class A2aError(RunloreError):
    """An error that A2A has a code for."""

    def __init__(self, code: A2aCode, message: str) -> None:
        super().__init__(message)
        self.code = code

    def body(self) -> dict[str, Any]:
        info = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": self.code.reason,
            "domain": "a2a-protocol.org",
        }
        return {"code": self.code.code, "message": str(self), "data": [info]}


def a2a_error(error: RunloreError | ValidationError, *, refused: A2aCode) -> A2aError | None:
    """refused: what a refusal means here. None: it has no code of A2A, only an HTTP status."""
    if isinstance(error, A2aError):
        return error
    if isinstance(error, ValidationError):
        return A2aError(A2aCode.PARAMS, problem(error).detail)
    codes = {
        WrongPart: A2aCode.CONTENT_TYPE,
        BadInput: A2aCode.PARAMS,
        NotFound: A2aCode.TASK_NOT_FOUND,
        Refused: refused,
    }
    code = next((code for kind, code in codes.items() if isinstance(error, kind)), None)
    return None if code is None else A2aError(code, str(error))
