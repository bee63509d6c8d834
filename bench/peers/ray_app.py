"""Ray Serve with scikit-learn: python ray_app.py PORT FOLDER."""

import os
import signal
import sys

import joblib
import numpy as np
import ray
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=int(os.environ["BENCH_WORKERS"]), max_ongoing_requests=100)
class Ensemble:
    def __init__(self, path: str) -> None:
        self.model = joblib.load(path)  # as its users do; a file of our own making

    async def __call__(self, request: Request) -> dict[str, float]:
        asked = await request.json()
        row = np.array([asked["features"]], dtype=np.float32)
        return {"prediction": float(self.model.predict_proba(row)[0, 1])}


if __name__ == "__main__":
    ray.init(
        include_dashboard=False,
        _temp_dir=sys.argv[2],
        object_store_memory=200_000_000,
        _node_ip_address="127.0.0.1",
        log_to_driver=False,
    )
    options = {"host": "127.0.0.1", "port": int(sys.argv[1])}
    serve.start(http_options=options, logging_config={"enable_access_log": False})
    serve.run(Ensemble.bind(os.environ["BENCH_VOTE"]), route_prefix="/predict")
    signal.sigwait({signal.SIGINT, signal.SIGTERM})
    serve.shutdown()
    ray.shutdown()
