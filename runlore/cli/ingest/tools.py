"""`runlore ingest TOOL FILE`: exports of tools whose columns need no mapping."""
