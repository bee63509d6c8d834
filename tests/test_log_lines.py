"""The one format of all logs."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runlore.kernel.log_lines import LineFormatter, log_fields, note_fields
from runlore.process import RedactedRecord


def record(message: str, *args: object, **extra: str) -> logging.LogRecord:
    made = RedactedRecord("runlore.serving", logging.WARNING, "x.py", 1, message, args, None)
    made.created, made.msecs, made.process = 1_764_417_600.25, 250.0, 7
    vars(made).update(extra)
    return made


def as_json(made: logging.LogRecord) -> dict[str, object]:
    fields: dict[str, object] = json.loads(LineFormatter("serving", is_json=True).format(made))
    return fields


def as_text(made: logging.LogRecord) -> str:
    return LineFormatter("serving", is_json=False).format(made)


def test_a_line_says_when_who_and_what() -> None:
    assert as_text(record("it is %s", "late")) == (
        "2025-11-29T12:00:00.250Z WARNING serving[7] runlore.serving: it is late"
    )
    assert as_json(record("it is %s", "late")) == {
        "time": "2025-11-29T12:00:00.250Z",
        "level": "WARNING",
        "service": "serving",
        "process": 7,
        "logger": "runlore.serving",
        "message": "it is late",
    }


def test_a_line_has_the_ids_of_what_it_belongs_to() -> None:
    with log_fields(request_id="r-1"):
        note_fields(prediction_id="p-1", version="3")
        made = record("no", spec="duration")
        assert as_text(made).endswith(
            ": no (request_id=r-1 prediction_id=p-1 spec=duration version=3)"
        )
        assert as_json(made)["request_id"] == "r-1"
    assert "request_id" not in as_json(record("no"))


def test_what_is_noted_in_one_block_is_not_in_the_next() -> None:
    with log_fields(request_id="r-1"):
        note_fields(spec="duration")
    with log_fields(request_id="r-2"):
        assert "spec" not in as_json(record("no"))


@pytest.mark.parametrize("text", ["\n2025-11-29 ERROR forged", "\x1b[31mred", "a\rb"])
def test_no_message_looks_like_a_line_of_its_own(text: str) -> None:
    first, *more = as_text(record("at %s", text)).split("\n")
    assert first.startswith("2025-11-29T12:00:00.250Z WARNING serving[7] runlore.serving: at ")
    assert all(line.startswith("    ") for line in more)
    assert not {"\x1b", "\r"} & set(as_text(record("at %s", text)))
    assert as_json(record("at %s", text))["message"] == f"at {text}"


def test_a_secret_is_hidden_wherever_it_stands() -> None:
    url = "http://ann:hush-hush@host"
    try:
        raise ValueError(url)
    except ValueError:
        made = RedactedRecord("x", 40, "x.py", 1, f"at {url}", (), sys.exc_info())
    made.spec = url
    for line in (as_text(made), json.dumps(as_json(made))):
        assert "hush" not in line
        assert line.count("http://***@host") == 3
        assert "Traceback" in line


SCRIPT = """
import logging, warnings
from runlore import process
process.begin("example")
other = logging.getLogger("other")
other.addHandler(logging.StreamHandler())
other.propagate = False
process.take_over_logs()
other.warning("by a package")
warnings.warn("by Python")
logging.getLogger("runlore.x").info("by us")
raise ValueError("by nobody")
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_all_that_a_process_logs_has_one_format(tmp_path: Path, form: str) -> None:
    environment = {**os.environ, "RUNLORE_HOME": str(tmp_path / "home"), "RUNLORE_LOG_FORMAT": form}
    done = subprocess.run(
        (sys.executable, "-c", SCRIPT), env=environment, capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stderr.splitlines() if not line.startswith("    ")]
    assert len(lines) == 4, done.stderr
    for line, words in zip(lines, ("by a package", "by Python", "by us", "ended"), strict=True):
        assert words in line
        if form == "json":
            assert json.loads(line)["service"] == "example"
        else:
            assert " example[" in line
    assert "by nobody" in done.stderr
