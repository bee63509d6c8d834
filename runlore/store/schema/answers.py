"""The tables of serving: the ledger, alias changes, workers, API keys and rate windows."""

from sqlalchemy import (
    ARRAY,
    DDL,
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, REAL

from runlore.store.schema.names import INSTANT, metadata, with_statistics

ledger = Table(
    "ledger",
    metadata,
    Column("at", INSTANT, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("spec", Text, nullable=False),
    Column("version", Text, comment="null when nothing could answer"),
    Column("arm", Text, nullable=False, comment="champion, batch, …"),
    Column("status", SmallInteger, nullable=False, comment="HTTP status of the answer"),
    Column("as_of", INSTANT, nullable=False),
    Column("source", Text),
    Column("source_id", Text),
    Column("request", JSONB, nullable=False),
    Column("features", ARRAY(REAL)),
    Column("prediction", Double),
    Column("low", Double),
    Column("high", Double),
    Column("reasons", JSONB),
    Column("error", Text),
    Column("latency_ms", REAL),
    Column("key_id", Text, comment="of the API key that asked; null: it had none"),
    Column("support", Text, comment="how much of the request was known: none, little or good"),
    Column("quantiles", JSONB, comment="level -> value, where quantiles were asked for"),
    Index("ledger_by_id", "id"),
    Index("ledger_by_execution", "source", "source_id"),
    Index("ledger_by_spec", "spec", "at"),
    postgresql_partition_by="RANGE (at)",
)

sampled = DDL(f"ALTER TABLE runlore.ledger {with_statistics('ledger')}")  # type: ignore[no-untyped-call]
event.listen(ledger, "after_create", sampled)

alias_changes = Table(
    "alias_changes",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", INSTANT, nullable=False),
    Column("spec", Text, nullable=False),
    Column("alias", Text, nullable=False),
    Column("version", Text),
    Column("previous", Text),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", JSONB, nullable=False),
    Column("action", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("alias_changes_by_place", "spec", "alias", "action", "id"),
)

ONLY_ADDED = """
CREATE FUNCTION runlore.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of runlore.% are only ever added', TG_TABLE_NAME;
END $$;
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.alias_changes
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""
event.listen(alias_changes, "after_create", DDL(ONLY_ADDED.replace("%", "%%")))  # type: ignore[no-untyped-call]

workers = Table(
    "workers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("versions", JSONB, nullable=False, comment="spec -> arm -> the version that answers"),
    Column("seen_at", INSTANT, nullable=False, server_default=func.now()),
    Column(
        "rates",
        JSONB,
        nullable=False,
        server_default=text("'{}'"),
        comment="spec -> answered and refused a second",
    ),
    prefixes=["UNLOGGED"],
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True, comment="public: the first part of the key's text"),
    Column("name", Text, nullable=False, comment="of the owner; at most two live keys each"),
    Column("hash", Text, nullable=False, comment="SHA-256 of the secret, in hex"),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT),
    Column("revoked_at", INSTANT),
    Column("last_used_at", INSTANT),
    Column("uses", BigInteger, nullable=False, server_default=text("0")),
)

rate_windows = Table(
    "rate_windows",
    metadata,
    Column("minute", INSTANT, primary_key=True),
    Column("bucket", Text, primary_key=True, comment="a key, or a client's address"),
    Column("granted", BigInteger, nullable=False, comment="of the minute's budget, to all workers"),
    Column("chunk", BigInteger, nullable=False, comment="of it, to the newest lease"),
    prefixes=["UNLOGGED"],
)

used_console_links = Table(
    "used_console_links",
    metadata,
    Column("id", Text, primary_key=True, comment="of a link that has signed in to the console"),
    Column("expires_at", INSTANT, nullable=False, comment="of the link; the row goes after that"),
)
