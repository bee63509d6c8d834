"""A batch in which some runs have a start or an end only is gathered like any other."""

import numpy as np

from runlore.features.matrix import prepare
from runlore.quality.rules.batch import gather
from tests.features.logs import fact, frame


def test_runs_without_a_start_or_an_end_are_gathered() -> None:
    log = prepare(frame([fact("a"), fact("b", 60)]))
    assert len(gather(log, np.arange(len(log.executions)))) == len(log.executions)
