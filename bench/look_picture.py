"""The picture of the README: a look at a simulated log.

    python bench/look_picture.py docs/look.svg

The log is simulated, so the same command draws the same picture.
"""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from runlore.kernel.threads import calm_threads
from runlore.look.actions.looking import LookOptions, look_at_file
from runlore.look.actions.reading import LogChoice
from runlore.look.views.picture import render_picture
from runlore.simulate import Scenario, simulate
from runlore.simulate.files import write_csv

TITLE = "runlore look simulated-executions.csv (a simulated log, no real data)"
SCENARIO = Scenario(seed=7, executions=6000, days=120, change_at=1.0)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    calm_threads()
    with tempfile.TemporaryDirectory() as folder:
        log = write_csv(simulate(SCENARIO), Path(folder))
        findings = look_at_file(LogChoice(log), LookOptions(), NOW, _say)
    Path(sys.argv[1]).write_text(render_picture(findings, TITLE), encoding="utf-8")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    main()
