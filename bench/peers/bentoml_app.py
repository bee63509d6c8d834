"""BentoML with scikit-learn, as its documentation has it: an array in, an array out."""

import os

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=int(os.environ.get("BENCH_WORKERS", "1")))
class Ensemble:
    def __init__(self) -> None:
        file = os.environ["BENCH_VOTE"]
        self.model = joblib.load(file)  # as its users do; a file of our own making

    @bentoml.api
    def predict(self, input_data: np.ndarray) -> np.ndarray:
        return self.model.predict_proba(input_data.astype(np.float32))
