"""Every package's reporting to its maker, off."""

import os

TELEMETRY_OFF = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "BENTOML_DO_NOT_TRACK": "True",
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
}


def silence_telemetry() -> None:
    """Turn it off before the packages are imported; a user's own value wins."""
    for name, value in TELEMETRY_OFF.items():
        os.environ.setdefault(name, value)
