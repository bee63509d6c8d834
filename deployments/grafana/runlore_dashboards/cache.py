"""What is answered from memory, and what is not."""

from runlore_dashboards.declaration import Dashboard, Panel, PanelRow, Query, stat
from runlore_dashboards.promql import hit_ratio, product, rate, ratio, total

BLOCKS = "runlore_database_blocks_total"
FROM_CACHE = f"max({rate(BLOCKS, source='cache')})"
FROM_DISK = f"max({rate(BLOCKS, source='disk')})"
CACHES = (
    (
        "Histories known",
        "runlore_feature_state_lookups_total",
        "Histories of a single prediction's features that had a past. A miss is an actor, kind"
        " or scope that is new: the value is missing, and nothing is slower.",
    ),
    (
        "Versions in memory",
        "runlore_version_cache_lookups_total",
        "Looks for a version that is loaded already. A miss loads it from the registry.",
    ),
    (
        "Keys known",
        "runlore_key_cache_lookups_total",
        "API keys that were known. A miss is a key that does not exist. No value without keys.",
    ),
)


def _lookups(name: str, metric: str, description: str) -> Panel:
    return Panel(
        f"{name}: lookups",
        description,
        (Query(total(rate(metric), "result"), "{{result}}"),),
        "ops",
        is_stacked=True,
    )


RATIOS = PanelRow(
    "Hit ratio",
    (
        *(
            stat(name, description, hit_ratio(metric), "percentunit")
            for name, metric, description in CACHES
        ),
        stat(
            "Database blocks in memory",
            "Blocks that PostgreSQL found in its own memory. Nothing is evicted elsewhere: keys,"
            " versions and histories stay in memory or in the database.",
            ratio(FROM_CACHE, f"({FROM_CACHE} + {FROM_DISK})"),
            "percentunit",
            base_colour="red",
            thresholds=((0.9, "orange"), (0.99, "green")),
        ),
    ),
)
LOOKUPS = PanelRow(
    "Lookups",
    (
        *(_lookups(*cache) for cache in CACHES),
        Panel(
            "Database blocks",
            "Blocks of 8 KiB that queries needed: from PostgreSQL's memory, or from outside it.",
            (Query(f"max by (source) ({rate(BLOCKS)})", "{{source}}"),),
            "ops",
            is_stacked=True,
        ),
    ),
)
LOADS = PanelRow(
    "Loads",
    (
        Panel(
            "Versions loaded",
            "Versions that were made ready to answer, or that failed.",
            (Query(total(rate("runlore_version_loads_total"), "spec", "how"), "{{spec}} {{how}}"),),
            "ops",
        ),
        Panel(
            "Histories behind",
            "Histories of a champion whose states miss facts; `runlore features rebuild` ends it.",
            (Query(product("runlore_states_behind", "spec"), "{{spec}}"),),
            thresholds=((1, "red"),),
            low=0,
        ),
    ),
)
CACHE = Dashboard(
    "runlore-cache",
    "Runlore: cache",
    "Hit ratios of versions, keys, histories and PostgreSQL's memory.",
    (RATIOS, LOOKUPS, LOADS),
)
