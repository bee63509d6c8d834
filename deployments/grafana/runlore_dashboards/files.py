"""The dashboards, and the files that Grafana reads them from."""

from collections.abc import Iterator
from pathlib import Path

from runlore_dashboards import classic, resource
from runlore_dashboards.agents import AGENTS
from runlore_dashboards.api import API
from runlore_dashboards.cache import CACHE
from runlore_dashboards.database import DATABASE
from runlore_dashboards.models import MODELS
from runlore_dashboards.series import SERIES
from runlore_dashboards.system import SYSTEM

DASHBOARDS = (AGENTS, API, CACHE, DATABASE, MODELS, SERIES, SYSTEM)


def files() -> Iterator[tuple[Path, str]]:
    """Each file, below deployments/grafana, with its content."""
    for dashboard in DASHBOARDS:
        yield Path("dashboards") / f"{dashboard.uid}.json", classic.render(dashboard)
        yield Path("dashboards-v2") / f"{dashboard.uid}.json", resource.render(dashboard)
