"""The version that answers, as far as monitoring is concerned."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.features.declaration import FeaturePlan
from runlore.monitoring.actions import reference
from runlore.monitoring.actions.reference import Reference
from runlore.monitoring.rules.verdict import Words

if TYPE_CHECKING:
    from runlore.registry import Registry, VersionRef

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]


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


def load(registry: "Registry", ref: "VersionRef", folder: Path) -> Champion:
    """A registered version, downloaded to a folder."""
    bundle = registry.load(ref, folder)
    training = bundle.description["training"]
    measured = bundle.description.get("importance", [])
    return Champion(
        version=ref.version,
        plan=bundle.plan,
        predict=lambda rows: bundle.predict(rows).prediction,
        reference=reference.find(registry.download(ref, folder)),
        trained_us=(training["first_us"], training["last_us"]),
        digest=bundle.digest,
        importance={each["feature"]: each["mean"] or 0.0 for each in measured},
    )
