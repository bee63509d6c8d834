"""The instant of a request that a monitored window makes."""

from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from runlore.kernel import instants
from runlore.retraining.actions.requests import RetrainingCause
from tasks import retraining


def test_a_request_is_dated_when_it_is_made_not_when_its_window_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`retrain show` showed midnight: windows end there."""
    dates: list[datetime] = []

    def request(_store: object, _registry: object, _spec: object, _wish: object, at: datetime):
        dates.append(at)
        return SimpleNamespace(retraining=None)

    app = SimpleNamespace(store=None, registry=None, spec=lambda name: name)
    cause = RetrainingCause("drift", "ann", "it moved")
    monkeypatch.setattr(retraining, "because_of_drift", lambda _outcome: cause)
    monkeypatch.setattr(retraining.requests, "request", request)
    monkeypatch.setattr(retraining, "task_app", lambda: nullcontext(app))
    monkeypatch.setattr(retraining, "_say", lambda _retraining: None)
    window = SimpleNamespace(end=datetime(2026, 11, 29, tzinfo=UTC))
    began = instants.now()
    retraining.ask.fn("duration", window, None)
    assert began <= dates[0] <= instants.now()
