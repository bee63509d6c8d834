"""The page of a version: what became of it, and why it answers or does not."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from bentos.console.frame.page import PageRequest, Shown
from bentos.console.spec.orders import PATH
from runlore.kernel.errors import NotFound
from runlore.models.score_names import display
from runlore.performance import queries
from runlore.performance.queries import PerformanceResult
from runlore.registry import alias_history
from runlore.registry.alias_history import AliasHistoryEntry
from runlore.rollout.actions import rollout_state
from runlore.rollout.actions.rollout_state import RolloutState
from runlore.rollout.queries import rollouts
from runlore.rollout.views import report
from runlore.rollout.views.report import DecisionRun
from runlore.serving.actions.promotion import CHALLENGER, CHAMPION

MOST_CHANGES, LONGEST_VERSION = 2_000, 40


@dataclass(frozen=True)
class VersionRollout:
    """A rollout in which the version competed, with its decisions, the newest first."""

    state: RolloutState
    spans: Sequence[DecisionRun]

    @property
    def end(self) -> DecisionRun | None:
        """The decision that ended it; None while it goes on."""
        return self.spans[0] if self.state.is_over and self.spans else None


@dataclass(frozen=True)
class VersionFate:
    """headline: how the version stands. reasons: why, as they are on record."""

    headline: str
    reasons: Sequence[str] = ()


def show_version(request: PageRequest) -> Shown:
    spec, version = request.spec(request.path["spec"]), request.path["version"]
    history = alias_history.entries(request.store, spec.name, MOST_CHANGES)
    mine = [entry for entry in history if version in (entry.version, entry.previous)]
    if not mine or len(version) > LONGEST_VERSION:
        raise NotFound(f"{spec.name} has no version {version[:80]!r} on record")
    tried = _rollouts(request, spec.name, version)
    pages = request.product.settings.mlflow_pages
    values = {
        "spec": spec,
        "display": display,
        "number": version,
        "fate": fate(version, history, tried),
        "changes": mine[::-1],
        "rollouts": tried,
        "scores": _scores(request, spec.name, version),
        "mlflow": f"{pages}/#/models/{quote(spec.name)}/versions/{quote(version)}",
        "back": f"{PATH}/{quote(spec.name)}",
    }
    return Shown("spec/version.html", values)


def fate(
    version: str, history: Sequence[AliasHistoryEntry], tried: Sequence[VersionRollout]
) -> VersionFate:
    """Why a version answers, competes, or does not. history: of its spec, the oldest first."""
    holders = {entry.alias: entry for entry in history if entry.alias in (CHAMPION, CHALLENGER)}
    champion, challenger = holders.get(CHAMPION), holders.get(CHALLENGER)
    if champion is not None and champion.version == version:
        return VersionFate(f"Version {version} answers", _because(champion))
    going_on = next((one for one in tried if not one.state.is_over), None)
    if going_on is not None:
        share = f"{going_on.state.step} % of every {going_on.state.rollout.unit}"
        newest = list(going_on.spans[0].reasons) if going_on.spans else []
        return VersionFate(f"Version {version} competes with {share}", newest)
    if challenger is not None and challenger.version == version:
        why = "nobody has started its rollout" if not tried else "its rollout ended"
        return VersionFate(f"Version {version} waits as challenger: {why}", _last_words(tried))
    return _past(version, history, tried)


def _past(
    version: str, history: Sequence[AliasHistoryEntry], tried: Sequence[VersionRollout]
) -> VersionFate:
    """Of a version that neither answers nor competes any more."""
    left = [entry for entry in history if entry.previous == version and entry.version != version]
    was_champion = any(e.alias == CHAMPION and e.version == version for e in history)
    if was_champion:
        gone = [entry for entry in left if entry.alias == CHAMPION]
        after = f", until version {gone[-1].version} took over" if gone and gone[-1].version else ""
        return VersionFate(f"Version {version} answered{after}", _because(gone[-1]) if gone else ())
    if tried:
        return VersionFate(f"Version {version} did not take over", _last_words(tried))
    made = next((entry for entry in history if entry.version == version), None)
    if made is not None and made.action == "register":
        return VersionFate(f"Version {version} never competed", _because(made))
    return VersionFate(f"Version {version} did not take over", _because(left[-1]) if left else ())


def _last_words(tried: Sequence[VersionRollout]) -> list[str]:
    """Of the decision that ended the newest rollout."""
    ends = [one.end for one in tried if one.end is not None]
    return [f"{ends[0].action} by {ends[0].actor}", *ends[0].reasons] if ends else []


def _because(entry: AliasHistoryEntry) -> list[str]:
    return [f"{entry.action} by {entry.actor}", *entry.reason.split("; ")]


def _rollouts(request: PageRequest, spec: str, version: str) -> list[VersionRollout]:
    """Those in which the version was the challenger, the newest first."""
    with request.store.begin() as connection:
        mine = [one for one in rollouts.of_spec(connection, spec) if one.challenger == version]
        states = [rollout_state.of(connection, one) for one in mine]
    states.sort(key=lambda state: state.rollout.started_at, reverse=True)
    return [VersionRollout(state, report.spans(state.history)[::-1]) for state in states]


def _scores(request: PageRequest, spec: str, version: str) -> list[PerformanceResult]:
    """Measured ones of the newest look at the version, the newest window first."""
    with request.store.begin() as connection:
        known = [one for one in queries.read(connection, spec) if one.version == version]
    newest = max((one.at for one in known), default=None)
    rows = [one for one in known if one.at == newest and one.source == "realised"]
    return sorted(rows, key=lambda one: (one.window_to, one.score), reverse=True)
