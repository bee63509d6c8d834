"""A `DistributionForest` as an ONNX graph: `shares` (n, K), of a candidate also `raw` (n, 1)."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.errors import Refused
from runlore.models.onnx_session import INPUT, OUTPUT, SHARES, run_shares, session
from runlore.training.rules.fixed_choices import MISSING

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

    from runlore.training.rules.distribution_forest import DistributionForest

Rows = NDArray[np.float32]

IR_VERSION = 9
OPSET, TREES_OPSET = 17, 3
TOLERANCE = 1e-4


def forest_graph(forest: "DistributionForest", features: int, *, has_answer: bool) -> bytes:
    """has_answer: with the answers of a candidate, beside the shares."""
    from onnx import TensorProto, helper, numpy_helper

    outputs = [helper.make_tensor_value_info(SHARES, TensorProto.FLOAT, [None, len(forest.prior)])]
    # onnxruntime ignores the ensemble's own `base_values` where there are many targets.
    nodes = [_trees(forest), helper.make_node("Add", ["leaves", "prior"], [SHARES])]
    constants = [numpy_helper.from_array(forest.prior.astype(np.float32), "prior")]
    if has_answer:
        answer_nodes, answer_constants = _answer(forest)
        nodes += answer_nodes
        constants += answer_constants
        outputs.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 1]))
    graph = helper.make_graph(
        nodes,
        "distribution",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, features])],
        outputs,
        constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", TREES_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    return bytes(model.SerializeToString(deterministic=True))


def check_forest(
    graph: bytes, forest: "DistributionForest", rows: Rows, *, has_answer: bool
) -> float:
    """The largest difference to the Python model. Raises Refused when it is too large.

    Two answers may be equally good but for rounding, so an answer is compared by its expected
    score.
    """
    raw, shares = run_shares(session(graph), rows, has_answer=has_answer)
    worst = float(np.abs(shares - forest.shares(rows)).max())
    if raw is not None:
        expected = forest.expected(rows)
        at = np.searchsorted(forest.answers, raw.astype(np.float32))
        lost = expected.max(axis=1) - expected[np.arange(len(rows)), at]
        worst = max(worst, float((lost / np.maximum(np.abs(expected).max(axis=1), 1.0)).max()))
    if not worst <= TOLERANCE:
        raise Refused(
            f"the ONNX model's distribution differs by {worst:.3g} from the Python model's; leave"
            " this candidate out of the spec and report it"
        )
    return worst


def _trees(forest: "DistributionForest") -> "NodeProto":
    from onnx import helper

    return helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT],
        ["leaves"],
        domain="ai.onnx.ml",
        n_targets=len(forest.prior),
        aggregate_function="SUM",
        **_nodes(forest),
        **_weights(forest),
    )


def _nodes(forest: "DistributionForest") -> dict[str, list[Any]]:
    """The nodes of all trees. Unknown values go where the value that replaced them went."""
    trees = [tree.tree_ for tree in forest.forest.estimators_]
    left = np.concatenate([tree.children_left for tree in trees])
    right = np.concatenate([tree.children_right for tree in trees])
    thresholds = round_down(np.concatenate([tree.threshold for tree in trees]))
    feature = np.concatenate([tree.feature for tree in trees])
    is_leaf = left < 0
    return {
        "nodes_treeids": np.repeat(np.arange(len(trees)), [t.node_count for t in trees]).tolist(),
        "nodes_nodeids": np.concatenate([np.arange(t.node_count) for t in trees]).tolist(),
        "nodes_featureids": np.where(is_leaf, 0, feature).tolist(),
        "nodes_values": np.where(is_leaf, 0.0, thresholds).tolist(),
        "nodes_modes": np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_truenodeids": np.where(is_leaf, 0, left).tolist(),
        "nodes_falsenodeids": np.where(is_leaf, 0, right).tolist(),
        "nodes_missing_value_tracks_true": (~is_leaf & (thresholds >= MISSING))
        .astype(int)
        .tolist(),
    }


def _weights(forest: "DistributionForest") -> dict[str, list[Any]]:
    """The shares of the leaves that are not 0."""
    node_of = np.flatnonzero(forest.rows_of >= 0)
    leaf, target = np.nonzero(forest.table)
    node = node_of[leaf]
    tree = np.searchsorted(forest.starts, node, side="right") - 1
    return {
        "target_treeids": tree.tolist(),
        "target_nodeids": (node - forest.starts[tree]).tolist(),
        "target_ids": target.tolist(),
        "target_weights": forest.table[leaf, target].tolist(),
    }


def _answer(forest: "DistributionForest") -> tuple[list["NodeProto"], list["TensorProto"]]:
    """The answer with the best expected score."""
    from onnx import helper, numpy_helper

    nodes = [
        helper.make_node("MatMul", [SHARES, "gains"], ["expected"]),
        helper.make_node("ArgMax", ["expected"], ["best"], axis=1, keepdims=1),
        helper.make_node("Gather", ["answers", "best"], [OUTPUT], axis=0),
    ]
    constants = {"gains": forest.gains, "answers": forest.answers}
    return nodes, [numpy_helper.from_array(value, name) for name, value in constants.items()]


def round_down(thresholds: NDArray[np.float64]) -> Rows:
    """The largest float32 at or below each threshold.

    x <= t holds for a float32 x exactly when x <= that, so no answer changes, and ONNX, which
    stores float32, compares alike.
    """
    rounded = thresholds.astype(np.float32)
    above = rounded > thresholds
    rounded[above] = np.nextafter(rounded[above], np.float32(-np.inf))
    return rounded
