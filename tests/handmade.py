"""A bundle made by hand: a small ONNX graph, so that no test of serving needs to train."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from runlore.features.declaration import FeaturePlan, Vocabulary
from runlore.models import bundle
from runlore.models.calibration import Calibration
from runlore.models.distribution import LEVELS, Distribution
from runlore.models.intervals import Conformal
from runlore.specs.catalog import duration, engagement, engagement_success, failure_risk
from runlore.specs.model_spec import ModelSpec

INPUTS = ("nodes", "size")
CATEGORIES = (
    Vocabulary("actor", ("ann", "bob")),
    Vocabulary("inputs.queue", ("short", "long")),
)
SPECS: dict[str, ModelSpec] = {s.name: s for s in (failure_risk.SPEC, duration.SPEC)}

CONTENT_SPECS: dict[str, ModelSpec] = {
    spec.name: spec for spec in (engagement.SPEC, engagement_success.SPEC)
}
IMPORTANCE = [("inputs.has_media", 0.08, 0.01), ("hour", 0.03, 0.02), ("kind", 0.0, 0.0)]


def plan_of(spec: ModelSpec) -> FeaturePlan:
    return FeaturePlan(INPUTS, CATEGORIES, spec.features.histories, others=("site",))


def write_bundle(
    folder: Path,
    name: str = "failure-risk",
    seed: int = 1,
    plan: FeaturePlan | None = None,
    *,
    graph: bytes | None = None,
    probe: dict[str, Any] | None = None,
    has_quantiles: bool = False,
    spec: ModelSpec | None = None,
) -> Path:
    """Write a version of a catalog spec whose answer is a weighted sum of its features.

    graph: another one in its place. probe: rows, and what training said of them. has_quantiles:
    outcomes lie evenly within 1 of the answer, on the log1p scale. spec: in place of that name's.
    """
    spec = spec or (SPECS | CONTENT_SPECS)[name]
    plan = plan or plan_of(spec)
    folder.mkdir(parents=True, exist_ok=True)
    weights = np.random.default_rng(seed).normal(0, 0.1, len(plan.names)).astype(np.float32)
    written = graph or _graph(weights, is_probability=spec.is_probability)
    (folder / bundle.MODEL).write_bytes(written)
    description = _description(spec, plan) | ({} if probe is None else {"probe": probe})
    if has_quantiles:
        description["distribution"] = Distribution((-1.0, 0.0, 1.0), LEVELS, (0.5, 0.5)).to_json()
    description["digest"] = bundle.content_digest(description, [folder / bundle.MODEL])
    (folder / bundle.DESCRIPTION).write_text(json.dumps(description))
    return folder


def _description(spec: ModelSpec, plan: FeaturePlan) -> dict[str, Any]:
    from dataclasses import asdict

    kind = type(spec.question).__name__.lower()
    conformal = None if spec.is_probability else Conformal(0.9, (0.0,), (0.5, 0.5)).to_json()
    return {
        "spec": spec.name,
        "question": {"kind": kind, **asdict(spec.question)},
        "candidate": "linear",
        "plan": json.loads(json.dumps(plan.to_json())),
        "calibration": Calibration().to_json(),
        "conformal": conformal,
        "reference": [0.0] * len(plan.names),
        "data_digest": "made-by-hand",
        "graphs": [bundle.MODEL],
        "importance": [{"feature": name, "mean": mean, "sd": sd} for name, mean, sd in IMPORTANCE]
        if spec.name in CONTENT_SPECS
        else [],
    }


def _graph(weights: np.ndarray, *, is_probability: bool) -> bytes:
    """raw = sigmoid or softplus of the features' weighted sum, squashed; NaN counts as 0."""
    width = len(weights)
    nodes = [
        helper.make_node("IsNaN", ["features"], ["unknown"]),
        helper.make_node("Where", ["unknown", "zero", "features"], ["known"]),
        helper.make_node("Tanh", ["known"], ["squashed"]),
        helper.make_node("MatMul", ["squashed", "weights"], ["sum"]),
        helper.make_node("Sigmoid" if is_probability else "Softplus", ["sum"], ["raw"]),
    ]
    graph = helper.make_graph(
        nodes,
        "handmade",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("raw", TensorProto.FLOAT, [None, 1])],
        [
            numpy_helper.from_array(weights.reshape(-1, 1), "weights"),
            numpy_helper.from_array(np.zeros(1, dtype=np.float32), "zero"),
        ],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    return model.SerializeToString()


def forge(folder: Path) -> str:
    """Let a bundle answer next to nothing, and have it vouch for itself; returns its digest."""
    description = json.loads((folder / bundle.DESCRIPTION).read_text())
    description["calibration"] |= {"method": "sigmoid", "slope": 0.0, "intercept": -9.0}
    description["digest"] = bundle.content_digest(description, [folder / bundle.MODEL])
    (folder / bundle.DESCRIPTION).write_text(json.dumps(description))
    return str(description["digest"])


def stored(ref: Any) -> Path:
    """Where the registry keeps the bundle of a version."""
    return Path(ref.source, "artifacts", "bundle")


def register(registry: Any, folder: Path) -> Any:
    """Register a handmade bundle; returns its VersionRef."""
    from runlore.registry import ModelRelease

    loaded = bundle.Bundle.load(folder)
    release = ModelRelease(
        spec=loaded.spec,
        folder=folder,
        digest=loaded.digest,
        data_digest=loaded.data_digest,
        candidate="linear",
        features=loaded.plan.names,
        example=(0.0,) * len(loaded.plan.names),
        has_interval=loaded.conformal is not None,
        card="Made by hand.",
    )
    with registry.training_run(loaded.spec) as run:
        return registry.register(run, release)
