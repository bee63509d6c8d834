"""Kinds of fields that requests have, with their bounds."""

from datetime import datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainValidator,
    StringConstraints,
    TypeAdapter,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from runlore.records.execution import Scalar
from runlore.records.mapping import plain_word, status_words
from runlore.records.names import trimmed
from runlore.records.validate import LONGEST_KEY_BYTES

LARGEST = 1e30
MOST_INPUTS = 500
LONGEST_TEXT = 10_000
NO_NUL = r"^[^\x00\x1f]*$"


def _number(value: object) -> float | bool:
    if isinstance(value, int | float) and abs(value) <= LARGEST:
        return value
    raise PydanticCustomError("number", "Input should be a number between -1e30 and 1e30")


def _scalar(value: object) -> Scalar:
    if value is None:
        return None
    if isinstance(value, str):
        return WORDS.validate_python(value)
    if isinstance(value, int | float):
        return _number(value)
    raise PydanticCustomError("scalar", "Input should be a number, text, true, false or null")


def _plain(name: str) -> str:
    """Trimmed, as names from logs are. A schema counts characters, the log's indexes bytes."""
    name = trimmed(name)
    if len(name) * 4 > LONGEST_KEY_BYTES and len(name.encode()) > LONGEST_KEY_BYTES:
        raise PydanticCustomError("long", f"String should have at most {LONGEST_KEY_BYTES} bytes")
    return name


def _status(value: object) -> object:
    """The status that a word stands for, in any case; other words are refused by the type.

    >>> _status(" COMPLETED "), _status("Failed"), _status("gone"), _status(3)
    ('succeeded', 'failed', 'gone', 3)
    """
    if not isinstance(value, str):
        return value
    return str(status_words().get(plain_word(value), value))


StatusWord = BeforeValidator(_status)
Name = Annotated[
    str,
    StringConstraints(max_length=LONGEST_KEY_BYTES, pattern=NO_NUL, strict=True),
    AfterValidator(_plain),
]
Id = Annotated[Name, StringConstraints(min_length=1)]
Words = Annotated[str, StringConstraints(max_length=LONGEST_TEXT, pattern=NO_NUL, strict=True)]
WORDS: TypeAdapter[str] = TypeAdapter(Words)
ID: TypeAdapter[str] = TypeAdapter(Id)
BOUNDS = {"minimum": -LARGEST, "maximum": LARGEST}
Number = Annotated[
    float | bool,
    PlainValidator(_number),
    WithJsonSchema({"anyOf": [{"type": "number", **BOUNDS}, {"type": "boolean"}]}),
]
AnyScalar = Annotated[
    str | float | bool | None,
    PlainValidator(_scalar),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": LONGEST_TEXT, "pattern": NO_NUL},
                {"type": "number", **BOUNDS},
                {"type": "boolean"},
                {"type": "null"},
            ]
        }
    ),
]
InputName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
Values = Annotated[dict[InputName, AnyScalar], Field(max_length=MOST_INPUTS)]
Instant = Annotated[
    AwareDatetime,
    Field(
        strict=True,
        ge=datetime.fromisoformat("1700-01-01T00:00:00Z"),
        lt=datetime.fromisoformat("2200-01-01T00:00:00Z"),
        description="ISO 8601 with a time zone",
    ),
]
ForReplay = Annotated[
    Instant | None, Field(default=None, description="when replaying a log: its own instant")
]
