"""A fitted model as files: ONNX for serving, and skops for inspection and retraining.

The ONNX graph takes `features` (n, F) float32 and gives `raw` (n, 1) float32. It is compared with
the Python model before anything is registered. Never pickle.
"""

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.errors import Refused
from runlore.models.onnx_session import INPUT, OUTPUT, run, session
from runlore.training.rules.candidates import Fitted

if TYPE_CHECKING:
    from onnx import ModelProto
    from skl2onnx.common._container import ModelComponentContainer
    from skl2onnx.common._topology import Operator, Scope
    from sklearn.base import BaseEstimator

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]

OPSET = {"": 17, "ai.onnx.ml": 3}
TOLERANCE = 1e-4
RELATIVE_TOLERANCE = 1e-3
PARITY_ROWS = 6_000
BLANKED_SHARE = 0.2

# Types beyond skops' own defaults that a stored model may hold; no others are ever loaded.
TRUSTED = (
    "numpy.dtype",
    "runlore.training.rules.distribution_forest.DistributionForest",
    "runlore.training.rules.distribution_mean.DistributionMean",
    "runlore.training.rules.linear.LeastDeviations",
    "runlore.training.rules.linear.SignedLog",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRegressor",
)


def to_onnx(fitted: Fitted, features: int) -> bytes:
    """The graph of a fitted candidate.

    Thresholds that skl2onnx would round to the nearest float32 are made exact first, in place; it
    takes care of the other trees itself.
    """
    for predictors in getattr(fitted.estimator, "_predictors", ()):
        for tree in predictors:
            _round_down(tree.nodes["num_threshold"])
    return _single_output(_convert(fitted, features), is_probability=fitted.is_probability)


def _convert(fitted: Fitted, features: int) -> "ModelProto":
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    register_converters()
    return convert_sklearn(
        fitted.estimator,
        name=fitted.kind,
        initial_types=[(INPUT, FloatTensorType([None, features]))],
        target_opset=OPSET,
        options={id(fitted.estimator): {"zipmap": False}} if fitted.is_probability else None,
    )


def check_parity(
    graph: bytes, answer: Callable[[Rows], Floats], rows: Rows, *, is_probability: bool
) -> float:
    """The largest difference to the Python model. Raises Refused when it is too large.

    Compared on test rows, on the same rows with values blanked, and on a row of NaN.
    """
    tried = parity_rows(rows)
    theirs, ours = answer(tried), run(session(graph), tried)
    scale = 1.0 if is_probability else np.maximum(np.abs(theirs), 1.0)
    apart = np.abs(ours - theirs) / scale
    most = TOLERANCE if is_probability else RELATIVE_TOLERANCE
    worst = float(np.max(apart))
    if not worst <= most:
        at = int(np.nanargmax(np.where(np.isnan(apart), np.inf, apart)))
        raise Refused(
            f"the ONNX model answers {ours[at]:.6g} where the Python model answers"
            f" {theirs[at]:.6g} ({int((apart > most).sum())} of {len(tried)} rows differ by more"
            f" than {most:g}); leave this candidate out of the spec and report it"
        )
    return worst


def write_skops(fitted: Fitted, path: Path, rows: Rows) -> None:
    """Write the model, read it back with trusted types only, and compare its answers for `rows`.

    Raises Refused when the stored model answers differently.
    """
    import skops.io

    skops.io.dump(fitted.estimator, path)
    again = Fitted(fitted.kind, read_skops(path), fitted.is_probability)
    if not np.array_equal(again.raw(rows), fitted.raw(rows)):
        raise Refused(f"{path.name}: the stored model answers otherwise than the fitted one")


def read_skops(path: Path) -> "BaseEstimator":
    """Read an estimator. Raises Refused for a file with types that are not in `TRUSTED`."""
    import skops.io

    strange = sorted(set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED))
    if strange:
        raise Refused(f"{path.name}: holds types that are not trusted: {', '.join(strange)}")
    return skops.io.load(path, trusted=list(TRUSTED))


def parity_rows(rows: Rows) -> Rows:
    """Rows on which models are compared: test rows, the same with values blanked, a row of NaN."""
    rng = np.random.default_rng(0)
    taken = np.arange(PARITY_ROWS) % len(rows)
    if len(rows) > PARITY_ROWS:
        taken = np.sort(rng.permutation(len(rows))[:PARITY_ROWS])
    whole = rows[taken]
    blanked = np.where(rng.random(whole.shape) < BLANKED_SHARE, np.float32(np.nan), whole)
    nothing = np.full((1, rows.shape[1]), np.nan, dtype=np.float32)
    return np.concatenate([whole, blanked, nothing])


def _single_output(model: "ModelProto", *, is_probability: bool) -> bytes:
    """Keep one output, `raw`: the probability of 1, or the quantity's logarithm."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    answer = graph.output[-1].name
    if is_probability:
        graph.initializer.append(numpy_helper.from_array(np.array([1]), "one"))
        graph.node.append(helper.make_node("Gather", [answer, "one"], [OUTPUT], axis=1))
    else:
        graph.node.append(helper.make_node("Identity", [answer], [OUTPUT]))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 1]))
    return bytes(model.SerializeToString(deterministic=True))


@cache
def register_converters() -> None:
    """Teach skl2onnx the XGBoost models and our own, and to write what this onnx accepts."""
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from skl2onnx import update_registered_converter
    from skl2onnx.common import shape_calculator
    from skl2onnx.common._registration import get_converter, get_shape_calculator
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from xgboost import XGBClassifier, XGBRegressor

    from runlore.training.rules import linear

    linear.register_converters()
    zipmap = {"zipmap": [True, False, "columns"], "nocl": [True, False]}
    classes, numbers = (
        shape_calculator.calculate_linear_classifier_output_shapes,
        shape_calculator.calculate_linear_regressor_output_shapes,
    )
    for model, shape, options in (
        (XGBClassifier, classes, zipmap),
        (XGBRegressor, numbers, None),
    ):
        alias = f"XGBoost{model.__name__}"
        update_registered_converter(model, alias, shape, convert_xgboost, options=options)
    for model, options in (
        (HistGradientBoostingClassifier, {**zipmap, "raw_scores": [True, False]}),
        (HistGradientBoostingRegressor, None),
    ):
        alias = f"Sklearn{model.__name__}"
        convert, shape = _with_integers(get_converter(alias)), get_shape_calculator(alias)
        update_registered_converter(model, alias, shape, convert, options=options)


def _with_integers(convert: Callable[..., None]) -> Callable[..., None]:
    """skl2onnx 1.20 writes booleans into integer attributes of trees; onnx 1.23 refuses them."""

    def converter(
        scope: "Scope", operator: "Operator", container: "ModelComponentContainer"
    ) -> None:
        convert(scope, operator, _IntegerAttributes(container))

    return converter


class _IntegerAttributes:
    """A skl2onnx container that makes integers of booleans in node attributes."""

    def __init__(self, container: "ModelComponentContainer") -> None:
        self._container = container

    def __getattr__(self, name: str) -> object:
        return getattr(self._container, name)

    def add_node(self, *args: object, **attributes: Any) -> None:  # noqa: ANN401
        tracks = attributes.get("nodes_missing_value_tracks_true")
        if tracks is not None:
            attributes["nodes_missing_value_tracks_true"] = [int(track) for track in tracks]
        self._container.add_node(*args, **attributes)


def _round_down(thresholds: NDArray[Any]) -> None:
    """Each threshold becomes the largest float32 at or below it.

    x <= t holds for a float32 x exactly when x <= that, so no answer changes, and ONNX, which
    stores float32, compares alike.
    """
    rounded = thresholds.astype(np.float32)
    above = rounded > thresholds
    rounded[above] = np.nextafter(rounded[above], np.float32(-math.inf))
    thresholds[:] = rounded
