"""Train a series spec: learn how to forecast each series, judge that, register what passed."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlore.kernel.errors import BadInput, Refused
from runlore.kernel.instants import from_us
from runlore.registry import ModelRelease, TrainingData
from runlore.registry.registry import CHAMPION
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import ChangeReason
from runlore.signals.actions import forecasting, series_run
from runlore.signals.actions.issued_forecasts import Progress, request_of, series_of
from runlore.signals.actions.series_champions import SeriesChampion, write_model
from runlore.signals.actions.series_run import LearnedSeries, SeriesLearning, UnlearnedSeries
from runlore.signals.queries import StoredSeries
from runlore.signals.rules.forecasts.forecast_gates import (
    ForecastVerdict,
    HorizonEvidence,
    add_up,
    judge_forecasters,
)
from runlore.signals.rules.forecasts.forecasting import learn
from runlore.signals.rules.forecasts.holdout import hold_out
from runlore.signals.rules.forecasts.series_model import (
    ForecasterKey,
    PromisedSkill,
    SeriesModel,
    StoredForecaster,
)
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store

if TYPE_CHECKING:
    from runlore.registry import Registry, TrainingRun, VersionRef

CANDIDATE = "forecasters"


@dataclass(frozen=True)
class SeriesTrainOutcome:
    """The result of a training of a series spec.

    version, alias: None when the gates refused it. series: of the spec. horizons: what was measured
    on held-out values. page: the address of the MLflow run. run: its id.
    """

    spec: str
    passed: bool
    reasons: tuple[str, ...]
    version: str | None
    alias: str | None
    series: int
    horizons: tuple[HorizonEvidence, ...]
    page: str
    run: str
    evidence: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def train_series(
    store: Store,
    registry: "Registry",
    spec: SeriesSpec,
    why: ChangeReason,
    at: datetime,
    champion: SeriesChampion | None = None,
    progress: Progress | None = None,
) -> SeriesTrainOutcome:
    """Learn, judge and register, from what was known at an instant.

    A version that passes its gates is the champion at once: nothing is asked of a forecast before
    its time has come, so there is no traffic to share. champion: the one before, to be compared
    with. Raises Refused when no series can be forecast.
    """
    learning = learn_spec(store, spec, at, champion, progress)
    verdict = judge_forecasters(spec.gates, spec.level, learning.horizons)
    with registry.training_run(spec.name) as run, tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "bundle"
        digest = write_model(written, model_of(spec, learning))
        _log_data(run, spec, learning)
        card = series_run.describe(run, store, spec, learning, verdict)
        version = None
        if verdict.passed:
            release = _release(spec, learning, written, digest, card)
            version = registry.register(run, release)
            run.tags({"runlore.version": version.version})
    is_new = version is not None and CHAMPION not in version.aliases
    if version is not None and is_new:
        _promote(store, registry, version, _with_evidence(why, learning, verdict))
    run.rename("refused" if version is None else "promoted" if is_new else "unchanged", CANDIDATE)
    return SeriesTrainOutcome(
        spec.name,
        verdict.passed,
        verdict.reasons,
        version.version if version else None,
        CHAMPION if version else None,
        learning.series,
        learning.horizons,
        run.page,
        run.id,
        {"until": at.isoformat(), "digest": digest},
    )


def learn_spec(
    store: Store,
    spec: SeriesSpec,
    at: datetime,
    champion: SeriesChampion | None = None,
    progress: Progress | None = None,
) -> SeriesLearning:
    """What the series of a spec teach; those that cannot be forecast teach nothing."""
    listed = series_of(store, spec)
    learned: list[LearnedSeries] = []
    unlearned: list[UnlearnedSeries] = []
    for number, series in enumerate(listed, 1):
        for horizon_s in spec.horizons_s:
            try:
                learned.append(_learn_horizon(store, spec, series, at, (horizon_s, champion)))
            except (Refused, BadInput) as refused:
                unlearned.append(UnlearnedSeries(series, horizon_s, str(refused)))
        if progress:
            progress(number, len(listed))
    if not learned:
        raise Refused(f"{spec.name}: none of its {len(listed)} series can be forecast yet")
    horizons = _horizons(spec, learned)
    return SeriesLearning(len(listed), tuple(learned), horizons, tuple(unlearned))


def _learn_horizon(
    store: Store,
    spec: SeriesSpec,
    series: StoredSeries,
    at: datetime,
    of: tuple[float, SeriesChampion | None],
) -> LearnedSeries:
    horizon_s, champion = of
    request = request_of(spec, horizon_s)
    past, steps = forecasting.read_past(store, series, at, request)
    learned = learn(past, steps, spec.level, request.bounds)
    before = champion.find(series, horizon_s) if champion else None
    fits = before is not None and forecasting.fits(before, past, steps, spec.level)
    score = hold_out(past, steps, spec.level, request.bounds, before if fits else None)
    return LearnedSeries(
        series,
        horizon_s,
        at,
        StoredForecaster(past.step_s, past.end_us, learned),
        score,
        (past.start_us, past.end_us),
        len(past.values),
        hashlib.sha256(past.values.tobytes()).hexdigest(),
    )


def _horizons(spec: SeriesSpec, learned: Sequence[LearnedSeries]) -> tuple[HorizonEvidence, ...]:
    def evidence(horizon_s: float) -> HorizonEvidence:
        rows = [one for one in learned if one.horizon_s == horizon_s]
        fallbacks = [one.is_fallback for one in rows]
        return add_up(horizon_s, fallbacks, [one.score for one in rows if one.score is not None])

    return tuple(map(evidence, spec.horizons_s))


def model_of(spec: SeriesSpec, learning: SeriesLearning) -> SeriesModel:
    """What is stored of a version."""
    forecasters = {
        ForecasterKey(
            one.series.source, one.series.name, one.series.scope, one.horizon_s
        ): one.stored
        for one in learning.learned
    }
    promised = {
        one.horizon_s: PromisedSkill(one.ratio, one.coverage, one.series)
        for one in learning.horizons
        if one.is_measured
    }
    return SeriesModel(spec.name, forecasters, promised)


def _log_data(run: "TrainingRun", spec: SeriesSpec, learning: SeriesLearning) -> None:
    run.data(
        TrainingData(
            name=spec.name,
            digest=learning.data_digest,
            rows=sum(one.steps for one in learning.learned),
            first=from_us(min(one.span_us[0] for one in learning.learned)),
            last=from_us(max(one.span_us[1] for one in learning.learned)),
            target=spec.series,
            features=(),
        )
    )


def _release(
    spec: SeriesSpec, learning: SeriesLearning, folder: Path, digest: str, card: str
) -> ModelRelease:
    return ModelRelease(
        spec=spec.name,
        folder=folder,
        digest=digest,
        data_digest=learning.data_digest,
        candidate=CANDIDATE,
        features=(),
        example=(),
        has_interval=True,
        card=card,
        about=f"How the series {spec.series!r} are forecast: weights and bands for each of them.",
        scores=series_run.scores(learning),
        is_data=True,
    )


def _promote(store: Store, registry: "Registry", version: "VersionRef", why: ChangeReason) -> None:
    if registry.champion(version.spec) is None:
        promotion.announce(store, registry, version, why, starts_by_itself=True)
    else:
        promotion.promote(store, registry, version.spec, why, version.version)


def _with_evidence(
    why: ChangeReason, learning: SeriesLearning, verdict: ForecastVerdict
) -> ChangeReason:
    horizons = [asdict(one) for one in learning.horizons if one.is_measured]
    reason = f"{why.reason}: {'; '.join(verdict.reasons)}"
    return replace(why, reason=reason, evidence={**why.evidence, "horizons": horizons})
