"""MLflow: runs, registered models, aliases. The only package that imports mlflow."""

from runlore.registry.connection import connect
from runlore.registry.names import score_name
from runlore.registry.packaging import Release
from runlore.registry.registry import Registry
from runlore.registry.runs import Data, TrainingRun
from runlore.registry.versions import AliasChange, Digested, VersionRef

__all__ = [
    "AliasChange",
    "Data",
    "Digested",
    "Registry",
    "Release",
    "TrainingRun",
    "VersionRef",
    "connect",
    "score_name",
]
