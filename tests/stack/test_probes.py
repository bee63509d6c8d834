"""A service without a port is well while it touches its file."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from runlore.records import instant
from runlore.stack.probes import Beats, NoAnswer


def test_a_file_that_is_not_there_or_is_old_is_no_answer(tmp_path: Path) -> None:
    file = tmp_path / "beat"
    probe = Beats(file)
    with pytest.raises(NoAnswer, match="not there yet"):
        probe.check(instant.EPOCH)
    file.touch()
    probe.check(instant.EPOCH)
    with pytest.raises(NoAnswer, match="not touched since"):
        probe.check(instant.now() + timedelta(hours=1))
    before = (instant.now() - timedelta(minutes=1)).timestamp()
    os.utime(file, (before, before))
    with pytest.raises(NoAnswer, match="not touched since"):
        probe.check(instant.EPOCH)
