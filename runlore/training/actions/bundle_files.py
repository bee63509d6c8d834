"""Write a trained version as a bundle."""

import importlib.metadata
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlore import __version__
from runlore.kernel.json_values import as_json
from runlore.models.bundle import SKOPS, content_digest, write_description

if TYPE_CHECKING:
    from runlore.training.rules.trained import Trained
LIBRARIES = ("numpy", "onnx", "onnxruntime", "scikit-learn", "skl2onnx", "skops", "xgboost-cpu")


SKOPS_ROWS = 500


PROBE_ROWS = 8


def write(folder: Path, trained: "Trained") -> str:
    """Write the bundle and return its digest; Refused when ONNX answers otherwise than Python."""
    from runlore.training.rules.export import check_parity, to_onnx, write_skops

    folder.mkdir(parents=True, exist_ok=True)
    features, rows = len(trained.plan.names), trained.test.rows
    worst = {}
    for name, fitted in trained.models().items():
        graph = to_onnx(fitted, features)
        worst[name] = check_parity(graph, fitted.raw, rows, is_probability=fitted.is_probability)
        (folder / name).write_bytes(graph)
    write_skops(trained.chosen.fitted, folder / SKOPS, rows[:SKOPS_ROWS])
    description = describe(trained) | {"graphs": sorted(worst), "parity": worst}
    description["digest"] = content_digest(description, [folder / name for name in sorted(worst)])
    write_description(folder, description)
    return str(description["digest"])


def describe(trained: "Trained") -> dict[str, Any]:
    """The content of `bundle.json`: everything about the version but its graphs; NaN is null."""
    spec = trained.spec
    description = {
        "spec": spec.name,
        "question": {"kind": type(spec.question).__name__.lower(), **asdict(spec.question)},
        "candidate": trained.kind,
        "plan": trained.plan.to_json(),
        "calibration": trained.chosen.calibration.to_json(),
        "conformal": trained.conformal.to_json() if trained.conformal else None,
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
        "validation": as_json(trained.validation),
        "test_scores": as_json(trained.test_scores),
        "slices": [asdict(part) for part in trained.slices],
        "importance": [asdict(feature) for feature in trained.importance],
        "gates": [asdict(gate) for gate in trained.gates],
        "verdict": asdict(trained.verdict),
        "probe": {
            "rows": trained.test.rows[:PROBE_ROWS].tolist(),
            "raw": trained.chosen.fitted.raw(trained.test.rows[:PROBE_ROWS]).tolist(),
        },
    }
    return {name: as_json(value) for name, value in description.items()}
