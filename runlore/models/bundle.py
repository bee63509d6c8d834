"""A trained version as a folder: what serves needs nothing else.

`model.onnx`, for quantities `distribution.onnx` where the model itself gives no distribution, or
`scale.onnx` where residuals are one; `model.skops`, `bundle.json`. Quantities of older versions
have `low.onnx` and `high.onnx` instead.
Loading imports numpy, numba (through the features) and onnxruntime; no scikit-learn, no XGBoost.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runlore.features.declaration import FeaturePlan
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.models.calibration import Calibration
from runlore.models.distribution import Distribution, checked_levels
from runlore.models.explain import FeatureEffect, reasons, replaced
from runlore.models.intervals import Conformal
from runlore.models.learned_ranges import LearnedRanges, read_ranges
from runlore.models.onnx_session import has_shares, run, run_shares, session
from runlore.models.reason_text import ReasonText
from runlore.models.scale import quantity
from runlore.specs.model_spec import Probability, Quantity

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


Rows = NDArray[np.float32]
Floats = NDArray[np.float64]

MODEL, DISTRIBUTION, SCALE = "model.onnx", "distribution.onnx", "scale.onnx"
LOW, HIGH = "low.onnx", "high.onnx"  # of versions without a distribution
SKOPS, DESCRIPTION = "model.skops", "bundle.json"
PACKAGE = "package.json"  # written beside a packaged bundle: which version it is
DIGEST_LABEL = "runlore.bundle_digest"  # of a Bento: the digest of its bundle, cut to 63 characters
# Relative and absolute, against what Python answered: float32 sums differ by their order.
PROBE_TOLERANCE = 1e-3


@dataclass(frozen=True)
class ModelOutput:
    """Probabilities, or quantities in their unit with the bounds of their intervals."""

    prediction: Floats
    low: Floats | None = None
    high: Floats | None = None

    def part(self, rows: slice) -> "ModelOutput":
        low = None if self.low is None else self.low[rows]
        return ModelOutput(
            self.prediction[rows], low, None if self.high is None else self.high[rows]
        )


@dataclass(frozen=True)
class Bundle:
    """One trained version, ready to answer. `description` is the content of `bundle.json`.

    folder: where it was loaded from, with files that predictions do not need.
    """

    spec: str
    question: Probability | Quantity
    plan: FeaturePlan
    data_digest: str
    version: str | None
    digest: str
    description: Mapping[str, Any]
    reference: Rows
    calibration: Calibration
    conformal: Conformal | None  # of versions without a distribution
    distribution: Distribution | None
    ranges: LearnedRanges
    _model: "InferenceSession"
    folder: Path | None = None
    _shares: "InferenceSession | None" = None
    _scale: "InferenceSession | None" = None
    _low: "InferenceSession | None" = None
    _high: "InferenceSession | None" = None

    @classmethod
    def load(
        cls, folder: Path, version: str | None = None, expected: str | None = None
    ) -> "Bundle":
        """Load a bundle. Raises Refused when its files do not have the expected digest.

        expected: the digest that the registry holds. Without one the bundle's own digest is used,
        which detects damage but no forgery.
        """
        description = _read(folder)
        graphs = [folder / name for name in description["graphs"]]
        digest = content_digest(_as_on_disk(folder, description), graphs)
        if digest != (description["digest"] if expected is None else expected):
            raise Refused(f"{folder}: the bundle was changed after training; fetch it again")
        sessions = {path.name: session(path) for path in graphs}
        conformal, whole = description["conformal"], description.get("distribution")
        model = sessions[MODEL]
        by_residuals = whole is not None and bool(whole["shares"])
        answers_both = has_shares(model) and not by_residuals
        return cls(
            spec=description["spec"],
            question=_question(description["question"]),
            plan=FeaturePlan.from_json(description["plan"]),
            data_digest=description["data_digest"],
            version=version,
            digest=digest,
            description=description,
            reference=_row(description["reference"]),
            calibration=Calibration.from_json(description["calibration"]),
            conformal=Conformal.from_json(conformal) if conformal else None,
            distribution=Distribution.from_json(whole) if whole else None,
            ranges=read_ranges(folder),
            folder=folder,
            _model=model,
            _shares=model if answers_both else sessions.get(DISTRIBUTION),
            _scale=sessions.get(SCALE),
            _low=sessions.get(LOW),
            _high=sessions.get(HIGH),
        )

    @property
    def unit(self) -> str:
        """Of its answers: that of a quantity, or "probability"."""
        return self.question.unit if isinstance(self.question, Quantity) else "probability"

    def predict(self, rows: Rows) -> ModelOutput:
        """Answer for rows (n, F) with the plan's features in its order."""
        self._refuse_other_shape(rows)
        if self.distribution is not None:
            raw, shares = self._raw_and_shares(rows)
            bounds = self.distribution.bounds(shares, raw, self._coverage, self._scales(rows))
            return ModelOutput(self._answer(raw), *bounds)
        raw = run(self._model, rows)
        if self.conformal is None:
            return ModelOutput(self._answer(raw))
        if self._low is None:
            return ModelOutput(self._answer(raw), *self.conformal.bounds(raw, raw, raw))
        one, other = run(self._low, rows), run(self._high, rows)
        low, high = np.minimum(one, other), np.maximum(one, other)
        return ModelOutput(self._answer(raw), *self.conformal.bounds(raw, low, high))

    def quantiles(self, rows: Rows, levels: Sequence[float]) -> Floats:
        """(n, L) for (n, F) rows and L levels: what a share `level` of outcomes does not exceed.

        In the quantity's own unit, ascending with the level. Raises Refused for a probability and
        for a version that was trained before quantiles existed, BadInput for levels not in 0 to 1.
        """
        if isinstance(self.question, Probability):
            raise Refused(f"{self.spec}: a probability has no quantiles; ask a quantity's spec")
        if self.distribution is None:
            raise Refused(
                f"{self.spec} version {self.version}: was trained before quantiles existed; train"
                " it again"
            )
        self._refuse_other_shape(rows)
        raw, shares = self._raw_and_shares(rows)
        scale, values = self._scales(rows), checked_levels(levels)
        return self.distribution.quantiles(shares, raw, values, scale)

    def reasons(self, row: Rows, k: int = 3) -> tuple[FeatureEffect, ...]:
        """The features with the largest effect on an answer when set to their usual value."""
        rows = replaced(np.asarray(row, dtype=np.float32), self.reference)
        self._refuse_other_shape(rows)
        effects = reasons(self.plan.names, rows[0], self.reference, self._answers(rows), k)
        texts = self._reason_text
        return tuple(replace(one, text=texts.sentence(one, rows[0])) for one in effects)

    def check_probe(self) -> None:
        """Raise Refused when the model answers its probe rows differently than at training."""
        probe = self.description.get("probe")
        if probe is None:
            return
        rows = np.stack([_row(row) for row in probe["rows"]])
        expected, actual = np.array(probe["raw"]), run(self._model, rows)
        if not np.allclose(actual, expected, rtol=PROBE_TOLERANCE, atol=PROBE_TOLERANCE):
            raise Refused(
                f"{self.spec} version {self.version}: answers {actual.tolist()} where its training"
                f" answered {probe['raw']}; train it again with the packages installed here"
            )

    @cached_property
    def _reason_text(self) -> ReasonText:
        return ReasonText(self.plan, self.question)

    @property
    def _coverage(self) -> float:
        return self.question.coverage if isinstance(self.question, Quantity) else 1.0

    def _raw_and_shares(self, rows: Rows) -> tuple[Floats, Floats | None]:
        """The answers, and the shares of the quantity's classes where a graph gives them."""
        if self._shares is None:
            return run(self._model, rows), None
        raw, shares = run_shares(self._shares, rows, has_answer=self._shares is self._model)
        return run(self._model, rows) if raw is None else raw, shares

    def _scales(self, rows: Rows) -> Floats | None:
        return None if self._scale is None else run(self._scale, rows)

    def _answers(self, rows: Rows) -> Floats:
        return self._answer(run(self._model, rows))

    def _answer(self, raw: Floats) -> Floats:
        if isinstance(self.question, Probability):
            return self.calibration(raw)
        return quantity(raw)

    def _refuse_other_shape(self, rows: Rows) -> None:
        if rows.ndim != 2 or rows.shape[1] != len(self.reference):
            raise BadInput(
                f"{self.spec}: rows are {rows.shape}, needs (n, {len(self.reference)}); make them"
                " with the bundle's own feature plan",
                "rows",
            )


def write_description(folder: Path, description: Mapping[str, Any]) -> None:
    text = json.dumps(description, indent=1, sort_keys=True, allow_nan=False)
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")


def seal(folder: Path) -> str:
    """Make the digest cover every file beside the model, and return it.

    Not `model.skops`, which is there to be inspected, which nothing loads, and which comes out
    otherwise each time. Bundles of before this was done have a digest over the model alone.
    """
    description = _read(folder)
    graphs = [folder / name for name in description["graphs"]]
    description["files"] = _beside(folder, description)
    description["digest"] = content_digest(description, graphs)
    write_description(folder, description)
    return str(description["digest"])


def digest_on_disk(folder: Path) -> str:
    """The digest computed from a folder's files; empty when there is no readable bundle."""
    try:
        description = _read(folder)
        graphs = [folder / name for name in description["graphs"]]
        return content_digest(_as_on_disk(folder, description), graphs)
    except (NotFound, OSError, ValueError, KeyError, TypeError):
        return ""


def _as_on_disk(folder: Path, description: Mapping[str, Any]) -> Mapping[str, Any]:
    """The description with the digests of the files on disk instead of those that it names."""
    if "files" not in description:
        return description
    return {**description, "files": _beside(folder, description)}


def _beside(folder: Path, description: Mapping[str, Any]) -> dict[str, str]:
    """Name -> sha256 of the files beside the model, such as what `monitor` compares with."""
    others = {DESCRIPTION, SKOPS, PACKAGE, *description["graphs"]}
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name not in others
    }


def content_digest(description: Mapping[str, Any], graphs: list[Path]) -> str:
    """sha256 over what answers: the description without its digest, and the graphs."""
    named = {k: v for k, v in description.items() if k != "digest"}
    digest = hashlib.sha256(json.dumps(named, sort_keys=True).encode())
    for path in graphs:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION
    if not path.is_file():
        raise NotFound(f"{path}: no bundle here; download the version again")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _question(data: Mapping[str, Any]) -> Probability | Quantity:
    if data["kind"] == "probability":
        return Probability(data["of"])
    return Quantity(data["of"], data["unit"], data["coverage"])


def _row(values: list[float | None]) -> Rows:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float32)
