"""The champion of a series spec: how each of its series is forecast, as a training learned it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from runlore.kernel.errors import Tampered
from runlore.models import bundle
from runlore.serving.actions import integrity
from runlore.signals.queries import StoredSeries
from runlore.signals.rules.forecasts.series_model import (
    ForecasterKey,
    SeriesModel,
    StoredForecaster,
)
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store

if TYPE_CHECKING:
    from runlore.registry.champions import ChampionFiles

FORECASTERS = "forecasters.json"
SORT = "series"  # of a version, beside those of models


@dataclass(frozen=True)
class SeriesChampion:
    version: str
    model: SeriesModel

    def find(self, series: StoredSeries, horizon_s: float) -> StoredForecaster | None:
        """None: this series was not there at the training, or could not be forecast."""
        key = ForecasterKey(series.source, series.name, series.scope, horizon_s)
        return self.model.forecasters.get(key)


NO_CHAMPIONS: Mapping[str, SeriesChampion] = {}


def read_champions(
    store: Store,
    specs: Sequence[SeriesSpec],
    fetch: Callable[[str], "ChampionFiles | None"],
    at: datetime,
) -> dict[str, SeriesChampion]:
    """By spec; a spec without one is left out.

    fetch: brings the files of a spec's champion. One whose files were changed counts as none, and
    an alert is raised.
    """
    read = {}
    for spec in specs:
        try:
            files = fetch(spec.name)
        except Tampered as error:
            integrity.note(store, error, at)
            continue
        if files is not None:
            read[spec.name] = SeriesChampion(files.version, read_model(files.folder))
    return read


def read_model(folder: Path) -> SeriesModel:
    """A version from its files, whose digest somebody has checked."""
    return SeriesModel.from_json(json.loads((folder / FORECASTERS).read_text(encoding="utf-8")))


def write_model(folder: Path, model: SeriesModel) -> str:
    """Write a version as files; returns the digest over all of them."""
    folder.mkdir(parents=True)
    text = json.dumps(model.as_json(), indent=1, sort_keys=True, allow_nan=False)
    (folder / FORECASTERS).write_text(text + "\n", encoding="utf-8")
    bundle.write_description(folder, {"spec": model.spec, "kind": SORT, "graphs": []})
    return bundle.seal(folder)
