"""Imports the libraries of a training ahead of time, while something else is waited for."""

from importlib import import_module

# Of the candidates, of their export and of the figures. Each is imported by the
# function that uses it, too: this only decides when.
LIBRARIES = (
    "sklearn.ensemble",
    "sklearn.pipeline",
    "skl2onnx",
    "skops.io",
    "onnxruntime",
    "matplotlib.figure",
    "matplotlib.dates",
)


def import_libraries() -> None:
    """Import what takes seconds, once: later imports of it cost nothing."""
    for name in LIBRARIES:
        import_module(name)
