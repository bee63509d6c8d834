"""Keep plans, and find those that were made."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from runlore.kernel.errors import NotFound
from runlore.planning.queries.plans import PlanRow, add_plan, read_newest, read_plan
from runlore.store.engine import Store

LARGEST_ID = 2**63 - 1


def keep_plan(store: Store, plan: Mapping[str, Any], actor: str, at: datetime) -> int:
    """Returns its number."""
    return add_plan(store, plan, actor, at)


def find_plan(store: Store, number: int) -> PlanRow:
    """Raises NotFound."""
    row = read_plan(store, number) if 0 < number <= LARGEST_ID else None
    if row is None:
        raise NotFound(f"there is no plan {number}; `GET /plans` lists those there are")
    return row


def list_plans(store: Store, as_of: datetime, limit: int) -> list[PlanRow]:
    """The newest first, without their tasks."""
    return read_newest(store, as_of, limit)
