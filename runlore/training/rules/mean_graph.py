"""A `DistributionMean` as one ONNX graph: `shares` (n, K) and `raw` (n, 1)."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.errors import Refused
from runlore.models.onnx_session import INPUT, OUTPUT, SHARES, run_shares, session
from runlore.training.rules.candidates import Fitted
from runlore.training.rules.export import RELATIVE_TOLERANCE, to_onnx
from runlore.training.rules.forest_graph import check_forest, forest_graph

if TYPE_CHECKING:
    from onnx import ModelProto

    from runlore.training.rules.distribution_mean import DistributionMean

Rows = NDArray[np.float32]


def mean_graph(mean: "DistributionMean", features: int) -> bytes:
    """The graphs of both members, which share the input, and the mean of their answers."""
    from onnx import TensorProto, helper, numpy_helper

    forest = _prefixed(forest_graph(mean.forest, features, has_answer=True), "forest_")
    modal = Fitted("xgboost-modal", mean.modal, is_probability=False)
    boosted = _prefixed(to_onnx(modal, features), "modal_")
    nodes = [
        helper.make_node("Identity", [INPUT], [f"forest_{INPUT}"]),
        helper.make_node("Identity", [INPUT], [f"modal_{INPUT}"]),
        *forest.graph.node,
        *boosted.graph.node,
        helper.make_node("Identity", [f"forest_{SHARES}"], [SHARES]),
        helper.make_node("Add", [f"forest_{OUTPUT}", f"modal_{OUTPUT}"], ["sum"]),
        helper.make_node("Mul", ["sum", "half"], [OUTPUT]),
    ]
    half = numpy_helper.from_array(np.array([0.5], dtype=np.float32), "half")
    classes = len(mean.forest.prior)
    graph = helper.make_graph(
        nodes,
        "distribution-modal",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, features])],
        [
            helper.make_tensor_value_info(SHARES, TensorProto.FLOAT, [None, classes]),
            helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 1]),
        ],
        [*forest.graph.initializer, *boosted.graph.initializer, half],
    )
    made = helper.make_model(graph, opset_imports=forest.opset_import, ir_version=forest.ir_version)
    return bytes(made.SerializeToString(deterministic=True))


def check_mean(graph: bytes, mean: "DistributionMean", rows: Rows) -> float:
    """The largest difference to the Python models. Raises Refused when it is too large."""
    alone = forest_graph(mean.forest, rows.shape[1], has_answer=True)
    worst = check_forest(alone, mean.forest, rows, has_answer=True)
    best, shares = run_shares(session(alone), rows, has_answer=True)
    raw, ours = run_shares(session(graph), rows, has_answer=True)
    expected = (best + mean.modal.predict(rows)) / 2
    apart = np.abs(raw - expected) / np.maximum(np.abs(expected), 1.0)
    worst = max(worst, float(np.abs(ours - shares).max()), float(apart.max()))
    if not worst <= RELATIVE_TOLERANCE:
        raise Refused(
            f"the ONNX model of 'distribution-modal' differs by {worst:.3g} from the Python model;"
            " leave this candidate out of the spec and report it"
        )
    return worst


def _prefixed(graph: bytes, prefix: str) -> "ModelProto":
    """The model with a prefix to all of its names, so that they are no other's."""
    from onnx import compose, load_from_string

    return compose.add_prefix(load_from_string(graph), prefix)
