"""Commands without their time limit, which on a busy machine would end the tests' process."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def unlimited(seconds: float, stuck_code: int) -> Iterator[None]:
    """Stand in for `time_limit`."""
    yield


def without_time_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for command in ("predict", "gate", "limit"):
        monkeypatch.setattr(f"runlore.cli.serving.{command}.time_limit", unlimited)
