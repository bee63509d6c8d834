"""How the logs of clusters and of the workflows on them are opened: as lines of fields."""

from collections.abc import Callable, Mapping
from typing import Literal, get_args

from runlore.ingest.actions.formats import TextLayout
from runlore.records.formats import nextflow, slurm
from runlore.records.mapping import ColumnMapping

ClusterTool = Literal["slurm", "nextflow"]
CLUSTER_TOOLS: tuple[ClusterTool, ...] = get_args(ClusterTool)


def open_text(
    tool: ClusterTool, head: bytes, source: str, mapping: ColumnMapping, now_us: int
) -> TextLayout:
    """The tool's log. Raises BadInput when it lacks a column that is needed."""
    layouts: Mapping[ClusterTool, Callable[[bytes, str, str, int], TextLayout]] = {
        "slurm": slurm.layout,
        "nextflow": nextflow.layout,
    }
    return layouts[tool](head, source, mapping.timezone, now_us)
