"""FastAPI with scikit-learn: one row of floats in, a probability out."""

import os

import joblib
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
model = joblib.load(os.environ["BENCH_VOTE"])  # as its users do; a file of our own making


class Asked(BaseModel):
    features: list[float]


class Answer(BaseModel):
    prediction: float


@app.post("/predict")
async def predict(asked: Asked) -> Answer:
    row = np.array([asked.features], dtype=np.float32)
    return Answer(prediction=float(model.predict_proba(row)[0, 1]))
