"""Parts of the linear candidates: skewed inputs on a logarithmic scale, and robust regression.

Both are scikit-learn estimators and have converters to ONNX, so that they export like the others.
"""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin

if TYPE_CHECKING:
    from skl2onnx.common._container import ModelComponentContainer
    from skl2onnx.common._topology import Operator, Scope

Floats = NDArray[np.float64]

LEAST_SKEWED = 1.0  # an exponential distribution has a skewness of 2, a normal one of 0
LEAST_STRAIGHTENED = 0.1  # of the skewness that the logarithm must take away
NEAREST = 0.01  # of the median deviation: nearer rows weigh no more, as their weight has no bound


class SignedLog(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """sign(x) log(1 + |x|) of the columns that this makes less skewed; the others as they are.

    Values are first brought into the range seen in fitting: beyond it a line means nothing.

    skewed_: (F,) bool. low_, high_: (F,).
    """

    def fit(self, rows: NDArray[Any], target: object = None) -> Self:
        """Choose the columns, of (n, F) finite rows."""
        values = np.asarray(rows, dtype=np.float64)
        before, after = np.abs(_skewness(values)), np.abs(_skewness(_signed_log(values)))
        self.skewed_ = (before > LEAST_SKEWED) & (after < (1 - LEAST_STRAIGHTENED) * before)
        self.low_, self.high_ = np.min(rows, axis=0), np.max(rows, axis=0)
        self.n_features_in_ = values.shape[1]
        return self

    def transform(self, rows: NDArray[Any]) -> NDArray[Any]:
        within = np.clip(rows, self.low_, self.high_)
        return np.where(self.skewed_, _signed_log(within), within)


class LeastDeviations(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A linear model of the median: least absolute deviations, with a little ridge penalty.

    Fitted by iterated reweighting (Schlossmacher, An iterative technique for absolute deviations
    curve fitting, JASA 1973). No answer lies outside the range of the targets that it learned from.

    coef_: (F,). intercept_, low_, high_: (1,).
    """

    def __init__(self, alpha: float = 1.0, iterations: int = 20, tolerance: float = 1e-3) -> None:
        self.alpha = alpha
        self.iterations = iterations
        self.tolerance = tolerance

    def fit(self, rows: NDArray[Any], target: Floats) -> Self:
        """Fit to (n, F) scaled rows and (n,) targets."""
        design = np.column_stack([np.asarray(rows, dtype=np.float64), np.ones(len(rows))])
        answers = np.asarray(target, dtype=np.float64)
        weights, penalty = np.ones(len(answers)), np.full(design.shape[1], self.alpha)
        penalty[-1] = 0.0
        solution = np.zeros(design.shape[1])
        for _ in range(self.iterations):
            weighted = design * weights[:, None]
            before = solution
            solution = np.linalg.lstsq(
                weighted.T @ design + np.diag(penalty), weighted.T @ answers, rcond=None
            )[0]
            deviations = np.abs(answers - design @ solution)
            if np.abs(solution - before).max() < self.tolerance:
                break
            weights = 1 / np.maximum(deviations, max(NEAREST * np.median(deviations), 1e-9))
        self.coef_, self.intercept_ = solution[:-1], solution[-1:]
        self.low_, self.high_ = np.array([answers.min()]), np.array([answers.max()])
        self.n_features_in_ = design.shape[1] - 1
        return self

    def predict(self, rows: NDArray[Any]) -> Floats:
        raw = np.asarray(rows, dtype=np.float64) @ self.coef_ + self.intercept_
        return np.asarray(np.clip(raw, self.low_, self.high_))


def _signed_log(values: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def _skewness(values: Floats) -> Floats:
    """(F,): the third standardised moment of each column; 0 where all values are the same."""
    centred = values - values.mean(axis=0)
    spread = np.abs(centred).max(axis=0, initial=0.0)
    scaled = centred / np.where(spread > 0, spread, 1.0)
    variance = np.square(scaled).mean(axis=0)
    return np.asarray((scaled**3).mean(axis=0) / np.maximum(variance, 1e-30) ** 1.5)


def register_converters() -> None:
    """Teach skl2onnx both."""
    from skl2onnx import update_registered_converter

    update_registered_converter(SignedLog, "RunloreSignedLog", _same_shape, _convert_signed_log)
    update_registered_converter(
        LeastDeviations, "RunloreLeastDeviations", _one_column, _convert_deviations
    )


def _same_shape(operator: "Operator") -> None:
    given = operator.inputs[0]
    operator.outputs[0].type = type(given.type)([given.get_first_dimension(), given.type.shape[1]])


def _one_column(operator: "Operator") -> None:
    given = operator.inputs[0]
    operator.outputs[0].type = type(given.type)([given.get_first_dimension(), 1])


def _convert_signed_log(
    scope: "Scope", operator: "Operator", container: "ModelComponentContainer"
) -> None:
    from skl2onnx.algebra.onnx_ops import (
        OnnxAbs,
        OnnxAdd,
        OnnxLog,
        OnnxMax,
        OnnxMin,
        OnnxMul,
        OnnxSign,
        OnnxWhere,
    )

    opset = {"op_version": container.target_opset}
    model = operator.raw_operator
    low, high = (bound[None, :].astype(np.float32) for bound in (model.low_, model.high_))
    rows = OnnxMax(OnnxMin(operator.inputs[0], high, **opset), low, **opset)
    size = OnnxLog(
        OnnxAdd(OnnxAbs(rows, **opset), np.array([1], dtype=np.float32), **opset), **opset
    )
    logarithms = OnnxMul(OnnxSign(rows, **opset), size, **opset)
    chosen = OnnxWhere(
        model.skewed_[None, :], logarithms, rows, output_names=operator.outputs[:1], **opset
    )
    chosen.add_to(scope, container)


def _convert_deviations(
    scope: "Scope", operator: "Operator", container: "ModelComponentContainer"
) -> None:
    from skl2onnx.algebra.onnx_ops import OnnxAdd, OnnxMatMul, OnnxMax, OnnxMin

    opset = {"op_version": container.target_opset}
    model = operator.raw_operator
    coefficients, intercept, low, high = (
        part.astype(np.float32)
        for part in (model.coef_[:, None], model.intercept_, model.low_, model.high_)
    )
    product = OnnxMatMul(operator.inputs[0], coefficients, **opset)
    below = OnnxMin(OnnxAdd(product, intercept, **opset), high, **opset)
    capped = OnnxMax(below, low, output_names=operator.outputs[:1], **opset)
    capped.add_to(scope, container)
