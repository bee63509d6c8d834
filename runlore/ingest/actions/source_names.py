"""Names of sources."""

from runlore.kernel.errors import BadInput
from runlore.records.metric_points import EXECUTION_SOURCE
from runlore.records.validate import LONGEST_KEY_BYTES


def check_source(name: str, records: str = "executions") -> None:
    """Raises BadInput for a name that cannot be stored, or that points may not have."""
    if not name or len(name.encode()) > LONGEST_KEY_BYTES:
        raise BadInput(f"source: {name!r} is empty or too long", "source")
    if name == EXECUTION_SOURCE and records == "metrics":
        raise BadInput(
            f"source: points of {name!r} are made from executions; give these another source",
            "source",
        )
