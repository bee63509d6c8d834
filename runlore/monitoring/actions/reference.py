"""The serving version and the reference of its training data, for monitoring.

`reference.json`, beside the model, holds histograms of all rows, `reference.parquet` a sample.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features.declaration import FeaturePlan
from runlore.models.learned_ranges import PROFILE
from runlore.monitoring.rules.histogram import Profile, reference_profile
from runlore.monitoring.rules.measures import LABEL, PREDICTION
from runlore.monitoring.rules.sample import Sample, places
from runlore.monitoring.rules.verdict import Words

if TYPE_CHECKING:
    from runlore.registry import Registry, VersionRef


Rows = NDArray[np.float32]
Floats = NDArray[np.float64]

SAMPLE = "reference.parquet"
MOST_ROWS = 20_000


@dataclass(frozen=True, eq=False)
class Reference:
    """profile: of all rows. sample: some of them, its columns in the profile's order."""

    profile: Profile
    sample: Sample

    @property
    def names(self) -> tuple[str, ...]:
        return self.profile.names

    def drawn(self, names: Sequence[str], most: int) -> Sample:
        """Return at most so many rows of the sample, in columns of these names."""
        columns = [self.names.index(name) for name in names]
        rows = self.sample.values[places(len(self.sample.values), most)]
        return Sample(rows[:, columns], self.sample.of)


def make(
    rows: Rows,
    names: Sequence[str],
    categorical: Sequence[str],
    predictions: Floats | None = None,
    labels: Floats | None = None,
) -> Reference:
    """Profile the training rows of a model, (N, F), and their outcomes, (N,).

    predictions: (M,), of rows that the model was not fitted to: of others they come out bolder than
    any it will serve. None, or nothing but NaN: predictions, or labels, are not compared.
    """
    columns = list(reference_profile(rows, names, categorical).columns)
    chosen = places(len(rows), MOST_ROWS)
    drawn = [rows[chosen]]
    for name, values in ((PREDICTION, predictions), (LABEL, labels)):
        if values is None or not np.isfinite(values).any():
            continue
        known = values[np.isfinite(values)].astype(np.float32)
        columns += reference_profile(known[:, np.newaxis], [name]).columns
        drawn.append(_as_many(known, len(chosen)))
    sample = np.column_stack(drawn)
    return Reference(Profile(tuple(columns)), Sample(sample, len(rows)))


def _as_many(values: Rows, rows: int) -> Rows:
    """(rows,): evenly drawn; what is missing at the end is NaN."""
    drawn = values[places(len(values), rows)]
    return np.pad(drawn, (0, rows - len(drawn)), constant_values=np.nan)


def keep(folder: Path, reference: Reference) -> None:
    """Write a reference into a bundle's folder."""
    sample = pd.DataFrame(reference.sample.values, columns=list(reference.names))
    sample.to_parquet(folder / SAMPLE, index=False)
    text = json.dumps({"rows": reference.sample.of, **reference.profile.to_json()})
    (folder / PROFILE).write_text(text, encoding="utf-8")


def find(folder: Path) -> Reference | None:
    """Read the reference in a bundle's folder; None when it has none."""
    if not (folder / PROFILE).is_file() or not (folder / SAMPLE).is_file():
        return None
    content = json.loads((folder / PROFILE).read_text(encoding="utf-8"))
    profile = Profile.from_json(content)
    sample = pd.read_parquet(folder / SAMPLE, columns=list(profile.names))
    return Reference(profile, Sample(sample.to_numpy(dtype=np.float32), content["rows"]))


@dataclass(frozen=True, eq=False)
class Champion:
    """predict: (n, F) rows to (n,) answers. reference: None when it was registered without one.

    trained_us: the submissions that bound its training rows. digest: of its bundle, since
    numbers of versions can be given again. importance: of features, where it was measured.
    """

    version: str
    plan: FeaturePlan
    predict: Callable[[Rows], Floats]
    reference: Reference | None
    trained_us: tuple[int, int]
    digest: str = ""
    importance: Mapping[str, float] = field(default_factory=dict)

    @property
    def words(self) -> Words:
        return {vocabulary.name: vocabulary.words for vocabulary in self.plan.categories}


def load(registry: "Registry", ref: "VersionRef") -> Champion:
    """Load a registered version with its reference."""
    bundle = registry.load(ref)
    training = bundle.description["training"]
    measured = bundle.description.get("importance", [])
    return Champion(
        version=ref.version,
        plan=bundle.plan,
        predict=lambda rows: bundle.predict(rows).prediction,
        reference=find(registry.download(ref)),
        trained_us=(training["first_us"], training["last_us"]),
        digest=bundle.digest,
        importance={row["feature"]: row["mean"] or 0.0 for row in measured},
    )
