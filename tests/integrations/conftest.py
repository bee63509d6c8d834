"""A recording server, and the prediction service that the tests of HTTP use."""

from collections.abc import Callable, Iterator

import pytest

from tests.bentos.conftest import (  # noqa: F401  (fixtures)
    client,
    histories,
    loaded,
    serve,
    serving,
    versions,
)
from tests.integrations.http_recorder import Received, Recorder, Reply, recording

RISK = {
    "id": "01a1fcec-53f8-7ad1-9f08-2f0e8aaba075",
    "spec": "failure-risk",
    "version": "3",
    "prediction": 0.314,
    "unit": "probability",
    "reasons": [{"feature": "inputs.gpus", "value": 4.0, "reference": 0.0, "effect": 0.21}],
}


def answers(risk: float = 0.314, **quantiles: float) -> Callable[[Received], Reply]:
    """A Runlore that answers with this risk, and with a quantile for each named spec."""

    def reply(received: Received) -> Reply:
        if received.path.startswith("/executions"):
            return 201, {"is_new": True}
        spec = received.path.partition("?")[0].rpartition("/")[2]
        if spec == "failure-risk":
            return 200, RISK | {"prediction": risk}
        value = quantiles.get(spec.replace("-", "_"))
        if value is None:
            return 503, {"detail": f"{spec} has no champion"}
        level = received.path.partition("quantiles=")[2] or "0.5"
        return 200, {"spec": spec, "version": "3", "quantiles": {level: value}}

    return reply


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A Runlore that knows risks only, until a test says otherwise."""
    with recording() as server:
        server.replies = answers()
        yield server
