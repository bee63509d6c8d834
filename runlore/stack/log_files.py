"""Keep log files bounded while programs write to them.

The programs append through a descriptor that they inherited, several to one file. So a file is
never renamed: what it holds is copied to the first older part, and the file is emptied.
"""

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LogLimit:
    """max_bytes: a larger log is moved to an older part. parts: so many of these are kept."""

    max_bytes: int
    parts: int


def older_part(log: Path, number: int) -> Path:
    """Where an older part of a log is; 1 is the newest.

    >>> older_part(Path("logs/serving.log"), 1).name
    'serving.log.1'
    """
    return log.with_name(f"{log.name}.{number}")


def rotate(log: Path, limit: LogLimit) -> bool:
    """Empty a log that is larger than the limit, after copying it. Returns whether it was.

    Lines that are written between the end of the copy and the emptying are lost; the copy catches
    up first, so that this is a moment of microseconds. A full disk leaves the log as it is.
    """
    with contextlib.suppress(OSError):
        if log.stat().st_size <= limit.max_bytes:
            return False
        if limit.parts:
            _shift(log, limit.parts)
        with log.open("r+b") as source:
            if limit.parts:
                _copy(source.fileno(), older_part(log, 1))
            source.truncate(0)
        return True
    return False


def _shift(log: Path, parts: int) -> None:
    """Make room for a new first part; the oldest one goes."""
    for number in range(parts - 1, 0, -1):
        with contextlib.suppress(FileNotFoundError):
            older_part(log, number).replace(older_part(log, number + 1))


def _copy(source: int, target: Path) -> None:
    """Copy to the end of the source, also what is added meanwhile; on failure leave no half."""
    try:
        with target.open("wb") as copy, os.fdopen(os.dup(source), "rb") as reader:
            while reader.tell() < os.fstat(source).st_size:
                shutil.copyfileobj(reader, copy)
                copy.flush()
    except OSError:
        target.unlink(missing_ok=True)
        raise
