"""Retention of personal data, each day: what is older than it may become is deleted."""

from prefect import flow

from tasks import privacy
from tasks.edge import flow_app


@flow(name="expire", flow_run_name="expire personal data", timeout_seconds=3600)
def expire_personal_data(at: str | None = None, dry_run: bool = False) -> dict[str, int]:
    """Delete what has expired of the sources in RUNLORE_PERSONAL_SOURCES; without any, nothing.

    Returns source -> rows.

    Args:
        at: The instant from which days are counted back, ISO; empty: now.
        dry_run: Count what would be deleted; change nothing.
    """
    with flow_app():
        return privacy.expire_personal_data(at, dry_run=dry_run)
