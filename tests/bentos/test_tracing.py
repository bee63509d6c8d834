"""Traces cost as much as an answer does: they are made when somebody wants them."""

import os
import subprocess
import sys

import pytest

TELL = "from bentos.service import Predictions; print(Predictions.config['tracing'])"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "told"),
    [("", "{'excluded_urls': '.*'}"), ("tracing.exporter_type=otlp", "{}")],
)
def test_traces_are_made_when_bentoml_is_told_where_to_send_them(options: str, told: str) -> None:
    environment = {**os.environ, "BENTOML_CONFIG_OPTIONS": options}
    done = subprocess.run(
        [sys.executable, "-c", TELL], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == told
