"""The ensemble as an MLflow model: python mlflow_model.py FOLDER."""

import os
import sys

import joblib
import mlflow.sklearn

if __name__ == "__main__":
    mlflow.sklearn.save_model(
        joblib.load(os.environ["BENCH_VOTE"]),  # as its users do; a file of our own making
        sys.argv[1],
        serialization_format="cloudpickle",
        pyfunc_predict_fn="predict_proba",
        pip_requirements=[],
    )
