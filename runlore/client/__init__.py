"""A client of the prediction service: `Client` waits for answers, `AsyncClient` awaits them."""

from runlore.client.answers import (
    GateAnswer,
    PredictionReason,
    PredictionResponse,
    RecordingResponse,
)
from runlore.client.asynchronous import AsyncClient
from runlore.client.calls import Work
from runlore.client.synchronous import Client

__all__ = [
    "AsyncClient",
    "Client",
    "GateAnswer",
    "PredictionReason",
    "PredictionResponse",
    "RecordingResponse",
    "Work",
]
