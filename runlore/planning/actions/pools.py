"""Declare pools, change them, and read them as they were at an instant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runlore.kernel.errors import BadInput, NotFound
from runlore.planning.queries.pools import (
    PoolChange,
    add_pool_changes,
    read_pool_rows,
)
from runlore.planning.rules.pools.pool import Pool, read_pool, write_pool
from runlore.store.engine import Store

MOST_POOLS = 500


@dataclass(frozen=True)
class DeclaredPool:
    """A pool, who declared it so, and when."""

    pool: Pool
    recorded_at: datetime
    actor: str


def list_pools(store: Store, as_of: datetime) -> list[DeclaredPool]:
    """Those that held at an instant, by name."""
    rows = read_pool_rows(store, as_of)
    return [DeclaredPool(read_pool(row.definition), row.recorded_at, row.actor) for row in rows]


def find_pools(store: Store, as_of: datetime, name: str | None = None) -> list[Pool]:
    """All pools, or the one of a name. Raises NotFound for another name."""
    pools = [one.pool for one in list_pools(store, as_of)]
    if name is None:
        return pools
    named = [pool for pool in pools if pool.name == name]
    if not named:
        raise NotFound(f"there is no pool {name[:80]!r}; {_that_exist(pools)}")
    return named


def set_pools(store: Store, pools: Sequence[Pool], actor: str, at: datetime) -> list[str]:
    """Add pools, or put them in the place of those of the same name; returns what changed."""
    names = [pool.name for pool in pools]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadInput(f"name: pool {twice[0]!r} is there twice", "name")
    known = {one.pool.name for one in list_pools(store, at)}
    if len(known | set(names)) > MOST_POOLS:
        raise BadInput(f"name: there would be more than {MOST_POOLS} pools", "name")
    changes = [PoolChange(pool.name, write_pool(pool)) for pool in pools]
    return add_pool_changes(store, changes, actor, at)


def set_pool(store: Store, pool: Pool, actor: str, at: datetime) -> DeclaredPool:
    """The same of one; a pool that is so already keeps its date."""
    set_pools(store, [pool], actor, at)
    same = [one for one in list_pools(store, at) if one.pool == pool]
    return same[0] if same else DeclaredPool(pool, at, actor)


def remove_pool(store: Store, name: str, actor: str, at: datetime) -> None:
    """From now on it is gone; its past stays known. Raises NotFound."""
    find_pools(store, at, name)
    if not add_pool_changes(store, [PoolChange(name, None)], actor, at):
        raise NotFound(f"pool {name!r} is removed already")


def _that_exist(pools: Sequence[Pool]) -> str:
    if not pools:
        return "none is declared yet: `runlore plan pools --set FILE.json` declares them"
    return f"pools: {', '.join(pool.name for pool in pools[:10])}"
