"""The least that can answer: Starlette on uvicorn around ONNX Runtime, nothing checked or kept."""

import json
import os

import numpy as np
import onnxruntime
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
options.log_severity_level = 3
session = onnxruntime.InferenceSession(os.environ["BENCH_GRAPH"], options)


async def predict(request: Request) -> Response:
    asked = json.loads(await request.body())
    rows = np.array([asked["features"]], dtype=np.float32)
    (raw,) = session.run(["raw"], {"features": rows})
    told = json.dumps({"prediction": float(raw[0, 0])})
    return Response(told, media_type="application/json")


app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
