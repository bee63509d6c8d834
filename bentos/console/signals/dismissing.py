"""The forms of a series: this is no anomaly, and it is one after all."""

from bentos.console.frame.filters import address
from bentos.console.frame.page import Moved, PageRequest
from bentos.console.signals.one_series import SERIES_PATH
from runlore.signals.actions.anomalies import dismiss_anomaly
from runlore.signals.actions.dismissals import undo_dismissal

LONGEST_ID = 100
LONGEST = 1_024  # characters of a name


def dismiss(request: PageRequest) -> Moved:
    actor, reason = request.actor(), request.line("reason")
    anomaly = request.path["id"][:LONGEST_ID]
    dismiss_anomaly(request.store, anomaly, actor, reason, request.at)
    return Moved(_back(request), "Dismissed. Deviations like it are no longer reported.")


def undo(request: PageRequest) -> Moved:
    undo_dismissal(request.store, request.number("id"), request.actor(), request.at)
    return Moved(_back(request), "The dismissal is taken back.")


def _back(request: PageRequest) -> str:
    """The page of the series that the form was on."""
    names = {name: request.form.get(name, "")[:LONGEST] for name in ("name", "scope", "source")}
    return address(SERIES_PATH, names)
