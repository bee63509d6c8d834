"""Running an ONNX graph: `features` (n, F) float32 in, `raw` (n, 1) out."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]

INPUT, OUTPUT = "features", "raw"


def session(graph: bytes | Path) -> "InferenceSession":
    """An onnxruntime session that uses one thread: many requests share the cores, not one."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    source = graph if isinstance(graph, bytes) else str(graph)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run(onnx_session: "InferenceSession", rows: Rows) -> Floats:
    """(n,): the graph's answer for each row."""
    (raw,) = onnx_session.run([OUTPUT], {INPUT: np.ascontiguousarray(rows, dtype=np.float32)})
    return np.asarray(raw, dtype=np.float64)[:, 0]
