"""Past posts with forecasts of a version that has not learned from them."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.engagement.queries.contexts import ContextQuery, read_final_contexts
from runlore.engagement.rules.scores.history import (
    PostHistory,
    ScorePolicy,
    final_places,
    past_scores,
)
from runlore.engagement.rules.scores.promise import (
    ScoredPosts,
    ScorePromise,
    TierShare,
    fit_promise,
    promise_of,
    tier_shares,
)
from runlore.features import matrix
from runlore.kernel.instants import to_us
from runlore.kernel.renewed_cache import RenewedCache
from runlore.log.executions import read_facts
from runlore.privacy.queries.opt_outs import opted_out

if TYPE_CHECKING:
    from runlore.models.bundle import Bundle
    from runlore.store.engine import Store

POLICY = ScorePolicy()
LEVELS = (0.1, 0.9)  # of a forecast's interval
KEYS = ["source", "context_id"]


@dataclass(frozen=True, eq=False)
class ScoreReference:
    """scores: (n,) of the history's posts. names: of a post -> its place in the history.

    bounds: (n, 2) of the forecasts, 80 %. tested: the promise of the first half of the posts beside
    what came of the others.
    """

    history: PostHistory
    scores: NDArray[np.float64]
    bounds: NDArray[np.float64]
    promise: ScorePromise
    names: dict[tuple[str, str], int]
    tested: tuple[TierShare, ...]
    version: str | None

    def place_of(self, source: str, context_id: str) -> int | None:
        """Of a post in the history, where it has a forecast."""
        at = self.names.get((source, context_id))
        return None if at is None or np.isnan(self.history.forecasts[at]) else at

    def forecast_of(self, source: str, context_id: str) -> tuple[float, tuple[float, float]]:
        """Its forecast and bounds, 80 %."""
        at = self.names[source, context_id]
        low, high = self.bounds[at].tolist()
        return float(self.history.forecasts[at]), (low, high)


class ScoreReferences:
    """References of the last minutes, for one service."""

    def __init__(self) -> None:
        self._kept: RenewedCache[_Key, ScoreReference] = RenewedCache(
            lambda key, at: read_reference(key[0], key[1].bundle, at, key[2]), 2
        )

    def get(self, store: "Store", bundle: "Bundle", at: datetime) -> ScoreReference:
        """An opt-out counts at once."""
        with store.connect() as connection:
            out = frozenset(opted_out(connection))
        return self._kept.get((store, _ByDigest(bundle), out), at)


_Key = tuple["Store", "_ByDigest", frozenset[str]]


@dataclass(frozen=True, eq=False)
class _ByDigest:
    bundle: "Bundle"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByDigest) and self.bundle.digest == other.bundle.digest

    def __hash__(self) -> int:
        return hash(self.bundle.digest)


def read_reference(
    store: "Store", bundle: "Bundle", at: datetime, out: frozenset[str]
) -> ScoreReference:
    """The newest posts as known at an instant, each with its forecast as of its submission.

    out: personas whose posts are left out.
    """
    final = read_final_contexts(store, ContextQuery(at))
    final = final[~final["persona"].isin(out)].reset_index(drop=True)
    posts, forecasts, bounds = _forecast(store, bundle, at, final, out)
    history = PostHistory(
        posts["published_us"].to_numpy(dtype=np.int64),
        posts["persona"].to_numpy(dtype=object),
        posts["platform"].to_numpy(dtype=object),
        forecasts,
        posts["engagement_rate"].to_numpy(dtype=np.float64),
    )
    scores, places = past_scores(history, POLICY), final_places(history, POLICY)
    known = np.flatnonzero(np.isfinite(scores) & np.isfinite(places))
    promise = fit_promise(scores[known], places[known])
    names = zip(posts["source"], posts["context_id"], strict=True)
    at_names = {name: at for at, name in enumerate(names)}
    tested = tier_shares(_second_half(scores[known], places[known]))
    return ScoreReference(history, scores, bounds, promise, at_names, tested, bundle.version)


def _second_half(scores: NDArray[np.float64], places: NDArray[np.float64]) -> ScoredPosts:
    half = len(scores) // 2
    return promise_of(fit_promise(scores[:half], places[:half]), scores[half:], places[half:])


def _forecast(
    store: "Store", bundle: "Bundle", at: datetime, final: pd.DataFrame, out: frozenset[str]
) -> tuple[pd.DataFrame, NDArray[np.float64], NDArray[np.float64]]:
    """Posts by publication; (n,) forecasts and (n, 2) bounds, NaN where the version learned."""
    facts = read_facts(store)
    log = matrix.prepare(facts[facts["known_at"] <= to_us(at)].reset_index(drop=True))
    rows = _untaught(log, bundle, final)
    posts = _posts(log, rows, final)
    posts = posts[~posts["persona"].isin(out)].reset_index(drop=True)
    forecasts, bounds = _predicted(log, bundle, rows)
    places = posts["at"].fillna(len(rows)).astype(np.int64).to_numpy()
    return posts, forecasts[places], bounds[places]


def _posts(log: matrix.Log, rows: NDArray[np.int64], final: pd.DataFrame) -> pd.DataFrame:
    """Posts of the log and final ones, by publication. at: the place in `rows`, where there."""
    named = log.executions.take(rows)
    columns = {"source": "source", "source_id": "context_id", "actor": "persona"}
    frame = pd.DataFrame(
        {ours: named[name].astype(str).to_numpy() for name, ours in columns.items()}
        | {"platform": named["scope"].astype(str).to_numpy()}
        | {"submitted_us": log.as_of_us[rows], "at": np.arange(len(rows))}
    ).drop_duplicates(KEYS, keep="last")
    published_us = final["published"].astype("datetime64[us, UTC]").astype(np.int64)
    outcomes = final[[*KEYS, "persona", "platform", "engagement_rate"]].assign(
        published_us=published_us
    )
    outcomes = outcomes.drop_duplicates(KEYS, keep="last").iloc[-POLICY.newest :]
    posts = frame.merge(outcomes, on=KEYS, how="outer", suffixes=("", "_final"))
    for name in ("persona", "platform"):
        posts[name] = posts[name].fillna(posts[f"{name}_final"])
    posts["published_us"] = posts["published_us"].fillna(posts["submitted_us"]).astype(np.int64)
    return posts.sort_values("published_us", kind="stable").reset_index(drop=True)


def _untaught(log: matrix.Log, bundle: "Bundle", final: pd.DataFrame) -> NDArray[np.int64]:
    """Rows of the log that are posts, and that the version has not learned from; the newest."""
    training = bundle.description["training"]
    since_us = max(int(training["test_us"]), int(training["last_us"]) + 1)
    later = np.flatnonzero(log.as_of_us >= since_us)
    later = later[np.argsort(log.as_of_us[later], kind="stable")]
    named = log.executions.take(later)
    sorts = pd.MultiIndex.from_frame(final[["content_type", "platform"]].drop_duplicates())
    are_posts = pd.MultiIndex.from_arrays(
        [named["kind"].astype(str), named["scope"].astype(str)]
    ).isin(sorts)
    return later[are_posts][-POLICY.newest :]


def _predicted(
    log: matrix.Log, bundle: "Bundle", rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(m + 1,) forecasts and (m + 1, 2) bounds of m rows; the last is NaN."""
    forecasts, bounds = np.full(len(rows) + 1, np.nan), np.full((len(rows) + 1, 2), np.nan)
    if len(rows):
        features, _ = matrix.extract(log, bundle.plan, rows)
        forecasts[:-1] = bundle.predict(features).prediction
        bounds[:-1] = bundle.quantiles(features, LEVELS)
    return forecasts, bounds
