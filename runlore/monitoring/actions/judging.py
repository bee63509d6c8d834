"""Which windows are to be judged now, and their verdicts by all that is known now.

A window is judged when nobody has judged it, and anew when facts that concern it came in since.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from runlore.monitoring.actions import drift_alarm
from runlore.monitoring.actions.drift_history import Judgement
from runlore.monitoring.queries import drift_results, drift_slices
from runlore.monitoring.queries.drift_results import ComparedWindow, DriftComparison
from runlore.monitoring.queries.drift_slices import Watermark
from runlore.monitoring.rules.standing import rests_on
from runlore.monitoring.rules.trigger import JudgedWindow, counted
from runlore.specs.model_spec import DriftPolicy
from runlore.store.engine import Connection, Store

# Judges a window by the facts in the store, which are at least those of the watermark; the
# comparison is what stood before.
Examine = Callable[[ComparedWindow, Watermark, DriftComparison | None], Judgement]


@dataclass(frozen=True)
class StaleWindow:
    """before: what stands, by fewer facts; None: nobody has judged it."""

    window: ComparedWindow
    before: DriftComparison | None


@dataclass(frozen=True)
class Judging:
    """Judges one window, and those that the alarm of its spec rests on.

    policy: for windows as long as this one; its version is the one that serves.
    """

    store: Store
    policy: DriftPolicy
    asked: ComparedWindow
    examine: Examine
    judgements: dict[ComparedWindow, Judgement] = field(default_factory=dict, init=False)

    def judge(self) -> Mapping[ComparedWindow, Judgement]:
        """Judge what has to be, until no verdict is out of date; nothing is recorded.

        Windows of versions that serve no more keep their verdicts.
        """
        while True:
            seen, stale = self._stale()
            if not stale:
                return self.judgements
            for one in stale:
                self.judgements[one.window] = self.examine(one.window, seen, one.before)

    def _stale(self) -> tuple[Watermark, list[StaleWindow]]:
        """The facts that there are now, and the windows to judge, the oldest first.

        Verdicts that still hold are noted to hold with all facts of now.
        """
        stale, fresh = [], []
        with self.store.begin() as connection:
            drift_results.lock(connection, self.asked.spec)
            seen = drift_slices.current(connection)
            for window in self._matter(connection):
                if window in self.judgements:
                    continue
                before = drift_results.read(connection, window)
                if before is None or _is_stale(connection, before):
                    stale.append(StaleWindow(window, before))
                else:
                    fresh.append(window)
            drift_results.advance(connection, fresh, seen)
        return seen, stale

    def _matter(self, connection: Connection) -> list[ComparedWindow]:
        """The window asked for, and what the alarm and the decision about its version rest on."""
        history = self._history(connection)
        alike = [
            window
            for window in history
            if window.version == self.asked.version and window.length_s == self.policy.window_s
        ]
        resting = rests_on(history, self.policy, self.asked.version)
        windows = {
            self._compared(window)
            for window in (*resting, *counted(alike, self.policy))
            if window.version == self.asked.version
        }
        return sorted(
            {*windows, self.asked}, key=lambda window: (window.window_to, window.window_from)
        )

    def _history(self, connection: Connection) -> list[JudgedWindow]:
        """What stands, with the verdicts of now in the place of those before."""
        known = {
            self._compared(window): window
            for window in drift_alarm.judged(connection, self.asked.spec)
        }
        for window, judgement in self.judgements.items():
            answer = judgement.verdict.answer
            known[window] = JudgedWindow(
                window.version, window.window_from, window.window_to, answer
            )
        return [window for window in known.values() if window.answer != "not enough data"]

    def _compared(self, window: JudgedWindow) -> ComparedWindow:
        return ComparedWindow(self.asked.spec, window.version, window.window_from, window.window_to)


def _is_stale(connection: Connection, before: DriftComparison) -> bool:
    seen = before.seen
    return seen is None or drift_slices.has_news(connection, seen, before.window.window_to)
