"""Write a trained version as a bundle."""

import importlib.metadata
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlore import __version__
from runlore.kernel.json_values import as_json
from runlore.models.bundle import (
    DISTRIBUTION,
    MODEL,
    SCALE,
    SKOPS,
    content_digest,
    write_description,
)
from runlore.training.rules.leaks.leak import NOTHING_LEFT_OUT, InputReport

if TYPE_CHECKING:
    from runlore.training.rules.candidates import Fitted, Rows
    from runlore.training.rules.trained import Trained

LIBRARIES = ("numpy", "onnx", "onnxruntime", "scikit-learn", "skl2onnx", "skops", "xgboost-cpu")


SKOPS_ROWS = 500


PROBE_ROWS = 8


def write(folder: Path, trained: "Trained", inputs: InputReport = NOTHING_LEFT_OUT) -> str:
    """Write the bundle and return its digest; Refused when ONNX answers otherwise than Python.

    inputs: what the training did not read; people see it, and answers do not depend on it.
    """
    from runlore.training.rules.export import write_skops

    folder.mkdir(parents=True, exist_ok=True)
    rows = trained.test.rows
    worst = dict(_write_graphs(folder, trained))
    write_skops(trained.chosen.fitted, folder / SKOPS, rows[:SKOPS_ROWS])
    description = describe(trained) | {"graphs": sorted(worst), "parity": worst}
    if inputs != NOTHING_LEFT_OUT:
        description["inputs"] = inputs.as_json()
    description["digest"] = content_digest(description, [folder / name for name in sorted(worst)])
    write_description(folder, description)
    return str(description["digest"])


def _write_graphs(folder: Path, trained: "Trained") -> Iterator[tuple[str, float]]:
    """Write the graphs; yields name -> largest difference to the Python models."""
    from runlore.training.rules.distribution_mean import forest_of
    from runlore.training.rules.export import check_parity, parity_rows, to_onnx
    from runlore.training.rules.forest_graph import check_forest, forest_graph

    fitted, features, rows = trained.chosen.fitted, len(trained.plan.names), trained.test.rows
    distribution = trained.distribution
    yield MODEL, _write_model(folder, fitted, features, rows)
    if distribution is None:
        return
    if distribution.scale is not None:
        graph = to_onnx(distribution.scale, features)
        (folder / SCALE).write_bytes(graph)
        yield SCALE, check_parity(graph, distribution.scale.raw, rows, is_probability=False)
    if distribution.forest is not None and forest_of(fitted.estimator) is None:
        graph = forest_graph(distribution.forest, features, has_answer=False)
        (folder / DISTRIBUTION).write_bytes(graph)
        tried = parity_rows(rows)
        yield DISTRIBUTION, check_forest(graph, distribution.forest, tried, has_answer=False)


def _write_model(folder: Path, fitted: "Fitted", features: int, rows: "Rows") -> float:
    """The graph that answers; a forest's gives the shares of the classes, too."""
    from runlore.training.rules.distribution_forest import DistributionForest
    from runlore.training.rules.distribution_mean import DistributionMean
    from runlore.training.rules.export import check_parity, parity_rows, to_onnx
    from runlore.training.rules.forest_graph import check_forest, forest_graph
    from runlore.training.rules.mean_graph import check_mean, mean_graph

    estimator: object = fitted.estimator
    if isinstance(estimator, DistributionMean):
        graph = mean_graph(estimator, features)
        worst = check_mean(graph, estimator, parity_rows(rows))
    elif isinstance(estimator, DistributionForest):
        graph = forest_graph(estimator, features, has_answer=True)
        worst = check_forest(graph, estimator, parity_rows(rows), has_answer=True)
    else:
        graph = to_onnx(fitted, features)
        worst = check_parity(graph, fitted.raw, rows, is_probability=fitted.is_probability)
    (folder / MODEL).write_bytes(graph)
    return worst


def describe(trained: "Trained") -> dict[str, Any]:
    """The content of `bundle.json`: everything about the version but its graphs; NaN is null."""
    spec, distribution = trained.spec, trained.distribution
    description = {
        "spec": spec.name,
        "question": {"kind": type(spec.question).__name__.lower(), **asdict(spec.question)},
        "candidate": trained.kind,
        "plan": trained.plan.to_json(),
        "calibration": trained.chosen.calibration.to_json(),
        "conformal": None,
        "distribution": distribution.calibrated.to_json() if distribution else None,
        "reference": trained.reference.tolist(),
        "data_digest": trained.data_digest,
        "code_version": __version__,
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "training": {
            "rows": trained.train_rows,
            "first_us": trained.first_us,
            "last_us": trained.last_us,
            "test_us": trained.test_us,
            "test_rows": len(trained.test.target),
        },
        "scores": as_json(asdict(trained.evidence)),
        "coverage": [as_json(asdict(level)) for level in trained.coverage],
        "validation": as_json(trained.validation),
        "test_scores": as_json(trained.test_scores),
        "slices": [asdict(part) for part in trained.slices],
        "importance": [asdict(feature) for feature in trained.importance],
        "joint_importance": [asdict(group) for group in trained.joint],
        "gates": [asdict(gate) for gate in trained.gates],
        "verdict": asdict(trained.verdict),
        "probe": {
            "rows": trained.test.rows[:PROBE_ROWS].tolist(),
            "raw": trained.chosen.fitted.raw(trained.test.rows[:PROBE_ROWS]).tolist(),
        },
    }
    return {name: as_json(value) for name, value in description.items()}
