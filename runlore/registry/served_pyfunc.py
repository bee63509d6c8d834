"""The model's code: MLflow copies this file into the model and runs it to load the model."""

import mlflow.models
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext


class Served(PythonModel):  # type: ignore[misc]
    """Answers with the bundle that the prediction service answers with."""

    def load_context(self, context: PythonModelContext) -> None:
        from pathlib import Path

        from runlore.models.bundle import Bundle

        self.bundle = Bundle.load(Path(context.artifacts["bundle"]))

    def predict(self, context: PythonModelContext, model_input: pd.DataFrame) -> pd.DataFrame:
        """Feature rows, a column per feature, to `prediction`, and `low` and `high` if given."""
        names = list(self.bundle.plan.names)
        answers = self.bundle.predict(model_input[names].to_numpy(dtype=np.float32))
        columns = {"prediction": answers.prediction, "low": answers.low, "high": answers.high}
        present = {name: column for name, column in columns.items() if column is not None}
        return pd.DataFrame(present, index=model_input.index)


mlflow.models.set_model(Served())
