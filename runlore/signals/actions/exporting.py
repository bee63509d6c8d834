"""Bands of stored series, and service objectives, as rules for Prometheus."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runlore.kernel.errors import BadInput, Refused
from runlore.signals import queries
from runlore.signals.actions.forecasting import MOST_POINTS, SeriesName, find_series, list_series
from runlore.signals.queries import StoredSeries
from runlore.signals.rules.forecasts.weekly_band import learn_weekly_band
from runlore.signals.rules.objectives.objective_rules import objective_rule_groups, objective_rules
from runlore.signals.rules.prometheus_rules import (
    LABEL,
    BandOfSeries,
    rate_of,
    rule_groups,
    selector,
)
from runlore.specs.objective_spec import ObjectiveSpec
from runlore.store.engine import Store

LEVEL = 0.99
FOR_S = 300
SCOPE_LABEL = "instance"
MOST_EXPORTED = 200  # each costs Prometheus some 30 ms, every two minutes


@dataclass(frozen=True)
class BandRequest:
    """series: empty for all. scope_label: the label of Prometheus that holds the scope."""

    series: tuple[SeriesName, ...] = ()
    level: float = LEVEL
    for_s: int = FOR_S
    scope_label: str = SCOPE_LABEL


@dataclass(frozen=True)
class ExportedRules:
    """bands: what was exported. left_out: series -> why it was not. groups: the file's content."""

    bands: tuple[BandOfSeries, ...]
    left_out: dict[str, str]
    groups: dict[str, object]


def export_rules(store: Store, request: BandRequest, as_of: datetime) -> ExportedRules:
    """Rules of the bands that were learned from the points known at an instant.

    Raises Refused with the reasons where no series has a band, BadInput, and NotFound.
    """
    if not 0.5 <= request.level < 1:
        raise BadInput(f"level: {request.level} is not from 0.5 to below 1", "level")
    _check_label(request.scope_label)
    bands, left_out = [], {}
    for series in _chosen(store, request):
        try:
            bands.append(_learn(store, series, request, as_of))
        except Refused as refused:
            left_out[f"{series.name} ({series.scope or '-'})"] = str(refused)
    if not bands:
        reasons = [f"{name}: {why}" for name, why in list(left_out.items())[:5]]
        raise Refused(f"no series has a band to export; {'; '.join(reasons) or 'there is none'}")
    return ExportedRules(tuple(bands), left_out, rule_groups(bands, request.for_s))


@dataclass(frozen=True)
class ObjectiveRules:
    """names: of the objectives that have rules. left_out: objective -> why it has none."""

    names: tuple[str, ...]
    left_out: dict[str, str]
    groups: dict[str, object]


def export_objectives(specs: Sequence[ObjectiveSpec], scope_label: str) -> ObjectiveRules:
    """Rules of the objectives over counters. Raises Refused where none has, and BadInput."""
    _check_label(scope_label)
    chosen, left_out = [], {}
    for spec in specs:
        try:
            objective_rules(spec, scope_label)
        except Refused as refused:
            left_out[spec.name] = str(refused)
        else:
            chosen.append(spec)
    if not chosen:
        reasons = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise Refused(f"no objective has rules to export; {reasons or 'see RUNLORE_OBJECTIVES'}")
    groups = objective_rule_groups(chosen, scope_label)
    return ObjectiveRules(tuple(spec.name for spec in chosen), left_out, groups)


def _check_label(scope_label: str) -> None:
    if not LABEL.fullmatch(scope_label):
        raise BadInput(f"scope_label: {scope_label!r} is no label's name", "scope_label")


def _chosen(store: Store, request: BandRequest) -> list[StoredSeries]:
    if request.series:
        return [find_series(store, wanted) for wanted in request.series]
    stored = list_series(store)
    if len(stored) > MOST_EXPORTED:
        raise BadInput(
            f"series: there are {len(stored):,}, at most {MOST_EXPORTED} are exported; name some",
            "series",
        )
    return stored


def _learn(
    store: Store, series: StoredSeries, request: BandRequest, as_of: datetime
) -> BandOfSeries:
    expr = selector(series.name, series.scope, request.scope_label)
    with store.connect() as connection:
        points = queries.read_points(connection, series, as_of, MOST_POINTS)
    band = learn_weekly_band(points.at, points.value, request.level)
    if series.kind == "counter":
        expr = rate_of(expr, points.at)
    return BandOfSeries(series.name, series.scope, expr, band)
