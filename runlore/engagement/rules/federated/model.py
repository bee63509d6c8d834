"""A trained federated model: coefficients, what they cost, and how a persona starts from them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from runlore.engagement.rules.federated.inputs import (
    BOUNDS,
    FEDERATED_INPUTS,
    TYPICAL_PERCENT,
    client_rows,
    federated_features,
    rates_of,
)
from runlore.kernel.errors import BadInput
from runlore.privacy.rules.federated.local_updates import Values
from runlore.privacy.rules.federated.personal import personalise, predict_rows
from runlore.privacy.rules.federated.policy import FederatedPolicy
from runlore.privacy.rules.federated.releases import ClosingScores, OpeningCounts

if TYPE_CHECKING:
    from onnx import ModelProto

SPECS = {"linear": "engagement-federated", "logistic": "engagement-success-federated"}


@dataclass(frozen=True)
class FederatedModel:
    """Everything in it was released with noise, or is public.

    coefficients, mean: (16,), in the order of FEDERATED_INPUTS. clients: noisy count of personas.
    """

    coefficients: tuple[float, ...]
    mean: tuple[float, ...]
    policy: FederatedPolicy
    counts: OpeningCounts
    scores: ClosingScores
    rounds: int

    @property
    def spec(self) -> str:
        return SPECS[self.policy.family]

    def predict(self, contexts: pd.DataFrame) -> Values:
        """(n,) engagement rates in percent, or probabilities of success, of any persona's posts."""
        return self._answers(contexts, np.array(self.coefficients))

    def predict_for_persona(self, contexts: pd.DataFrame, own: pd.DataFrame) -> Values:
        """(n,) the same for one persona. own: its posts with a final engagement; may be empty.

        Without own posts this is `predict`; with more of them it moves to what they say.
        """
        if own.empty:
            return self.predict(contexts)
        rows = client_rows(own, self.policy)
        if len(rows.personas) != 1:
            raise BadInput("own: give the posts of one persona", "own")
        model = personalise(rows, np.array(self.coefficients), self.policy)[0]
        is_usable = bool(np.isfinite(model).all())
        return self._answers(contexts, model if is_usable else np.array(self.coefficients))

    def _answers(self, contexts: pd.DataFrame, model: Values) -> Values:
        found = predict_rows(federated_features(contexts), model, self.policy.family)
        return rates_of(found) if self.policy.family == "linear" else found

    def as_json(self) -> dict[str, Any]:
        return {
            "inputs": list(FEDERATED_INPUTS),
            "bounds": {name: asdict(bounds) for name, bounds in BOUNDS.items()},
            "typical_percent": TYPICAL_PERCENT,
            "coefficients": list(self.coefficients),
            "mean": list(self.mean),
            "policy": asdict(self.policy),
            "counts": asdict(self.counts),
            "scores": asdict(self.scores),
            "rounds": self.rounds,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "FederatedModel":
        """Raises BadInput when it was trained on other inputs than those of this release."""
        if document["inputs"] != list(FEDERATED_INPUTS):
            raise BadInput("inputs: the model has other inputs; train it anew", "inputs")
        return cls(
            tuple(document["coefficients"]),
            tuple(document["mean"]),
            FederatedPolicy(**document["policy"]),
            OpeningCounts(**document["counts"]),
            ClosingScores(**document["scores"]),
            int(document["rounds"]),
        )


def federated_graph(model: FederatedModel) -> bytes:
    """The model as ONNX: (n, 16) scaled inputs to (n, 1) answers in the units of the target."""
    from onnx import TensorProto, helper, numpy_helper

    coefficients = np.array(model.coefficients, dtype=np.float32)[:, None]
    is_linear = model.policy.family == "linear"
    nodes = [helper.make_node("MatMul", ["input", "coefficients"], ["score"])]
    nodes.append(helper.make_node("Identity" if is_linear else "Sigmoid", ["score"], ["answer"]))
    graph = helper.make_graph(
        nodes,
        model.spec,
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, len(coefficients)])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(coefficients, "coefficients")],
    )
    opset = [helper.make_opsetid("", 17)]
    made: ModelProto = helper.make_model(graph, opset_imports=opset, ir_version=9)
    return bytes(made.SerializeToString(deterministic=True))
