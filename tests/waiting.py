"""Wait for what another process or thread brings about."""

import time
from collections.abc import Callable


def wait_until(
    is_so: Callable[[], bool],
    patience_s: float = 60.0,
    what: Callable[[], str] = lambda: "it never came to that",
    pause_s: float = 0.02,
) -> None:
    """Return as soon as it is so. what: what is said when it is not in time, such as a log."""
    deadline = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < deadline, what()
        time.sleep(pause_s)
