"""Prefect's own logging in the format of all processes: `logging.yml`, beside this module."""

import os
from pathlib import Path

SETTINGS = "PREFECT_LOGGING_SETTINGS_PATH"


def use_log_format() -> None:
    """Have Prefect read our set-up, here and in the flow runs that this process starts.

    A file that the user named stays.
    """
    os.environ.setdefault(SETTINGS, str(Path(__file__).with_name("logging.yml")))
