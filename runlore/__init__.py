"""Runlore learns from what your systems did, and predicts what they will do next."""

from importlib import import_module

TYPE_CHECKING = False  # type checkers take it for true; importing `typing` would double the time

if TYPE_CHECKING:
    from runlore.api.home import Home, open  # noqa: A004
    from runlore.client import (
        AsyncClient,
        Client,
        GateAnswer,
        PredictionReason,
        PredictionResponse,
        RecordingResponse,
        Work,
    )
    from runlore.client.errors import AccessDenied, AnswerLost, RateLimited
    from runlore.client.retries import RetryPolicy
    from runlore.ingest.actions.files import IngestSummary
    from runlore.kernel.errors import (
        BadInput,
        NoChampion,
        NotFound,
        Refused,
        RunloreError,
        Unavailable,
    )
    from runlore.specs.model_spec import ModelSpec
    from runlore.training.actions.training import TrainOutcome

__version__ = "0.1.0"
__all__ = [
    "AccessDenied",
    "AnswerLost",
    "AsyncClient",
    "BadInput",
    "Client",
    "GateAnswer",
    "Home",
    "IngestSummary",
    "ModelSpec",
    "NoChampion",
    "NotFound",
    "PredictionReason",
    "PredictionResponse",
    "RateLimited",
    "RecordingResponse",
    "Refused",
    "RetryPolicy",
    "RunloreError",
    "TrainOutcome",
    "Unavailable",
    "Work",
    "__version__",
    "open",
]

PLACES = {  # of the names above, which are imported when they are first used
    "runlore.api.home": ("Home", "open"),
    "runlore.client": (
        "AsyncClient",
        "Client",
        "GateAnswer",
        "PredictionReason",
        "PredictionResponse",
        "RecordingResponse",
        "Work",
    ),
    "runlore.client.errors": ("AccessDenied", "AnswerLost", "RateLimited"),
    "runlore.client.retries": ("RetryPolicy",),
    "runlore.ingest.actions.files": ("IngestSummary",),
    "runlore.kernel.errors": (
        "BadInput",
        "NoChampion",
        "NotFound",
        "Refused",
        "RunloreError",
        "Unavailable",
    ),
    "runlore.specs.model_spec": ("ModelSpec",),
    "runlore.training.actions.training": ("TrainOutcome",),
}


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        for place, names in PLACES.items():
            if name in names:
                value = globals()[name] = getattr(import_module(place), name)
                return value
        raise AttributeError(f"module 'runlore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
