"""An overview of each model: its serving version, its training, its scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runlore.alerts.queries import anomalies
from runlore.alerts.rules.finding import spec_of
from runlore.monitoring.actions.stored_verdict import verdict_of
from runlore.monitoring.queries import drift_results
from runlore.monitoring.rules.verdict import WindowVerdict
from runlore.performance import queries
from runlore.performance.queries import PerformanceResult
from runlore.registry import alias_history
from runlore.registry.alias_history import Action, AliasHistoryEntry
from runlore.serving.actions.promotion import CHALLENGER, CHAMPION, Arms, arms
from runlore.store.engine import Store

ANNOUNCE: Action = "announce"


@dataclass(frozen=True)
class SpecOverview:
    """champion, challenger: the change that named the version; None: there is none.

    trained: when the newest version passed its gates. alerts: kinds of those that are open, of the
    spec or of one of its versions.
    """

    spec: str
    champion: AliasHistoryEntry | None
    challenger: AliasHistoryEntry | None
    arms: Arms
    trained: AliasHistoryEntry | None
    alerts: tuple[str, ...]


@dataclass(frozen=True)
class SpecWatch:
    """scores: of all windows of the last look, the newest window first; empty before any look.

    drift: of the last window that was compared, which ended at `drift_until`.
    """

    spec: str
    scores: tuple[PerformanceResult, ...]
    drift: WindowVerdict | None
    drift_until: datetime | None

    @property
    def measured(self) -> tuple[PerformanceResult, ...]:
        """The newest window with enough known outcomes; estimates where there is none."""
        for source in ("realised", "estimated"):
            scores = [score for score in self.scores if score.source == source]
            if scores:
                return tuple(score for score in scores if score.window_to == scores[0].window_to)
        return ()


def standing(store: Store, specs: Sequence[str]) -> list[SpecOverview]:
    """Read what serves, from the history of aliases and not from the registry."""
    champions = alias_history.newest(store, CHAMPION)
    challengers = alias_history.newest(store, CHALLENGER)
    shares = arms(store)
    trained = _newest(store)
    with store.begin() as connection:
        alerts = anomalies.read_open(connection)
    return [
        SpecOverview(
            spec=spec,
            champion=_there(champions.get(spec)),
            challenger=_there(challengers.get(spec)),
            arms=shares.get(spec, Arms()),
            trained=trained.get(spec),
            alerts=tuple(
                sorted({alert.kind for alert in alerts if spec_of(alert.subject) == spec})
            ),
        )
        for spec in specs
    ]


def watched(store: Store, spec: str) -> SpecWatch:
    """What the last looks at a spec found: at its answers, and at what comes in."""
    with store.begin() as connection:
        known = queries.read(connection, spec)
        compared = drift_results.latest(connection, spec)
    scores = [
        score for score in known if (score.at, score.version) == (known[0].at, known[0].version)
    ]
    return SpecWatch(
        spec=spec,
        scores=tuple(sorted(scores, key=lambda score: score.window_to, reverse=True)),
        drift=None if compared is None else verdict_of(compared),
        drift_until=None if compared is None else compared.window.window_to,
    )


def _there(entry: AliasHistoryEntry | None) -> AliasHistoryEntry | None:
    return None if entry is None or entry.version is None else entry


def _newest(store: Store) -> dict[str, AliasHistoryEntry]:
    """Spec -> the newest version that passed, whichever place it took."""
    newest: dict[str, AliasHistoryEntry] = {}
    for alias in (CHAMPION, CHALLENGER):
        for spec, entry in alias_history.newest(store, alias, ANNOUNCE).items():
            if spec not in newest or entry.id > newest[spec].id:
                newest[spec] = entry
    return newest
