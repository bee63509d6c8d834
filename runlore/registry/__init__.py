"""MLflow: runs, registered models, aliases. The only package that imports mlflow."""

from runlore.registry.connection import connect
from runlore.registry.names import score_name
from runlore.registry.packaging import ModelRelease
from runlore.registry.registry import Registry
from runlore.registry.runs import TrainingData, TrainingRun
from runlore.registry.versions import AliasChange, DigestedVersion, VersionRef

__all__ = [
    "AliasChange",
    "DigestedVersion",
    "ModelRelease",
    "Registry",
    "TrainingData",
    "TrainingRun",
    "VersionRef",
    "connect",
    "score_name",
]
