"""Names of sources."""

from runlore.kernel.errors import BadInput
from runlore.records.validate import LONGEST_KEY_BYTES


def check_source(name: str) -> None:
    """Raises BadInput for a name that cannot be stored."""
    if not name or len(name.encode()) > LONGEST_KEY_BYTES:
        raise BadInput(f"source: {name!r} is empty or too long", "source")
