"""A bundle as an MLflow model: code as text, data as ONNX, skops and JSON. Nothing is pickled."""

import shutil
import warnings
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.models import Model
    from mlflow.models.signature import ModelSignature

CODE = Path(__file__).with_name("served_pyfunc.py")
BUNDLE = "bundle"
BUNDLE_PATH = f"artifacts/{BUNDLE}"  # where the bundle is inside the model
DATA_FLAVOR = "runlore_data"

NEEDS = (
    "runlore",
    "numpy",
    "numba",
    "pandas",
    "onnxruntime",
    "scikit-learn",
    "skops",
    "xgboost-cpu",
)


@dataclass(frozen=True)
class ModelRelease:
    """A trained candidate that passed its gates, ready for the registry.

    folder: the bundle. digest: of the bundle, which is registered once however often it is asked.
    features: what it reads, in order. example: one feature row, to show.
    about: a sentence on the spec, for the page of the registered model. is_data: JSON alone, which
    Runlore reads and MLflow cannot load; it has no features then.
    scores: of the chosen candidate on the test part; the model's and the run's main scores.
    """

    spec: str
    folder: Path
    digest: str
    data_digest: str
    candidate: str
    features: tuple[str, ...]
    example: tuple[float, ...]
    has_interval: bool
    card: str
    about: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    is_data: bool = False


def write_model(release: ModelRelease, folder: Path, model: "Model") -> None:
    """Write what `mlflow.pyfunc.load_model` loads into a folder that does not exist yet.

    Of data, write the files and a description that names no code.
    """
    if release.is_data:
        shutil.copytree(release.folder, folder / BUNDLE_PATH)
        model.add_flavor(DATA_FLAVOR, data=BUNDLE_PATH)
        model.save(str(folder / "MLmodel"))
        return
    import pandas as pd

    staged = folder.with_name(BUNDLE)
    shutil.copytree(release.folder, staged)
    _pyfunc().save_model(
        path=str(folder),
        python_model=str(CODE),
        artifacts={BUNDLE: str(staged)},
        signature=_signature(release),
        input_example=pd.DataFrame([release.example], columns=list(release.features)),
        pip_requirements=[f"{name}=={version(name)}" for name in NEEDS],
        mlflow_model=model,
    )
    for cache in folder.rglob("__pycache__"):
        shutil.rmtree(cache)


def _pyfunc() -> ModuleType:
    """MLflow's module, which warns about type hints of its own while it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        import mlflow.pyfunc

    module: ModuleType = mlflow.pyfunc
    return module


def _signature(release: ModelRelease) -> "ModelSignature":
    """Features are doubles: MLflow casts whole and single numbers to them, but not back."""
    from mlflow.models.signature import ModelSignature
    from mlflow.types.schema import ColSpec, DataType, Schema

    answers = ("prediction", "low", "high") if release.has_interval else ("prediction",)
    inputs = [ColSpec(DataType.double, name) for name in release.features]
    return ModelSignature(Schema(inputs), Schema([ColSpec(DataType.double, a) for a in answers]))
