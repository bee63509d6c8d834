"""The tables, as SQLAlchemy Core. Migrations in `migrations/` make them; a test compares the two.

Facts are only ever added. `executions`, `metrics` and `ledger` are partitioned by month.
"""

from sqlalchemy import (
    ARRAY,
    DDL,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, REAL

SCHEMA = "runlore"
PARTITIONED = {"executions": "submitted", "metrics": "at", "ledger": "at"}
"""Partitioned table -> its range column."""

metadata = MetaData(schema=SCHEMA)
fact_seq = Sequence("fact_seq", metadata=metadata)

INSTANT = DateTime(timezone=True)
EMPTY_OBJECT = text("'{}'::jsonb")

executions = Table(
    "executions",
    metadata,
    Column("seq", BigInteger, fact_seq, server_default=fact_seq.next_value(), nullable=False),
    Column("source", Text, primary_key=True),
    Column("source_id", Text, primary_key=True),
    Column("submitted", INSTANT, primary_key=True),
    Column("revision", SmallInteger, primary_key=True, server_default=text("0")),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("inputs", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("started", INSTANT),
    Column("finished", INSTANT),
    Column("status", Text, nullable=False),
    Column("outcome", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("submission_known_at", INSTANT, nullable=False),
    Column("known_at", INSTANT, nullable=False),
    Column("digest", BigInteger, nullable=False, comment="of the content, to recognise repeats"),
    Index("executions_by_seq", "seq"),
    postgresql_partition_by="RANGE (submitted)",
)

metrics = Table(
    "metrics",
    metadata,
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("at", INSTANT, primary_key=True),
    Column("revision", SmallInteger, primary_key=True, server_default=text("0")),
    Column("value", Double, nullable=False),
    Column("known_at", INSTANT, nullable=False),
    postgresql_partition_by="RANGE (at)",
)

ingests = Table(
    "ingests",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("source", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("records", Text, nullable=False, comment="executions or metrics"),
    Column("mapping_digest", Text, nullable=False),
    Column("bytes_done", BigInteger, nullable=False, server_default=text("0")),
    Column("prefix_digest", Text, nullable=False, comment="of the first bytes_done bytes"),
    Column("lines_done", BigInteger, nullable=False, server_default=text("0")),
    Column("rows_new", BigInteger, nullable=False, server_default=text("0")),
    Column("rows_known", BigInteger, nullable=False, server_default=text("0")),
    Column("rows_rejected", BigInteger, nullable=False, server_default=text("0")),
    Column("started_at", INSTANT, nullable=False, server_default=func.now()),
    Column("finished_at", INSTANT),
)

rejects = Table(
    "rejects",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("ingest_id", BigInteger, ForeignKey(ingests.c.id), nullable=False),
    Column("file", Text, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("raw", Text, nullable=False),
    Column("at", INSTANT, nullable=False, server_default=func.now()),
    UniqueConstraint("ingest_id", "line"),
)

feature_states = Table(
    "feature_states",
    metadata,
    Column("history", Text, primary_key=True, comment="digest of the History declaration"),
    Column("key", Text, primary_key=True),
    Column("state", ARRAY(Double), nullable=False),
)

feature_histories = Table(
    "feature_histories",
    metadata,
    Column("history", Text, primary_key=True),
    Column("declaration", JSONB, nullable=False),
    Column("built_seq", BigInteger, nullable=False, comment="facts up to here are folded in"),
    Column(
        "is_stale",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="an ingest added facts that are not folded in",
    ),
    Column("built_at", INSTANT, nullable=False, server_default=func.now()),
)

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
    Index("ledger_by_id", "id"),
    Index("ledger_by_execution", "source", "source_id"),
    Index("ledger_by_spec", "spec", "at"),
    postgresql_partition_by="RANGE (at)",
)

drift_results = Table(
    "drift_results",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", INSTANT, nullable=False, server_default=func.now()),
    Column("spec", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("window_from", INSTANT, nullable=False),
    Column("window_to", INSTANT, nullable=False),
    Column("column_name", Text, nullable=False),
    Column("statistic", Text, nullable=False),
    Column("value", Double, nullable=False),
    Column("threshold", Double, nullable=False),
    Column("is_drifted", Boolean, nullable=False),
    Column("rows_reference", Integer, nullable=False),
    Column("rows_current", Integer, nullable=False),
    Column("report", Text, comment="path of the HTML report"),
    UniqueConstraint("spec", "version", "window_from", "window_to", "column_name", "statistic"),
)

anomalies = Table(
    "anomalies",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False, comment="what sort of deviation: drift, …"),
    Column("subject", Text, nullable=False, comment="what deviates: a spec, a metric"),
    Column("severity", Text, nullable=False),
    Column("evidence", JSONB, nullable=False),
    Column("opened_at", INSTANT, nullable=False, server_default=func.now()),
    Column("resolved_at", INSTANT),
    Index(
        "anomalies_open",
        "kind",
        "subject",
        unique=True,
        postgresql_where=text("resolved_at IS NULL"),
    ),
)

data_checks = Table(
    "data_checks",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", INSTANT, nullable=False),
    Column("spec", Text, nullable=False),
    Column("version", Text, nullable=False, comment="whose contract it was"),
    Column("purpose", Text, nullable=False, comment="training or window"),
    Column("batch_from", INSTANT, nullable=False),
    Column("batch_to", INSTANT, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("verdict", JSONB, nullable=False),
    Column("accepted_by", Text, comment="who let it pass nevertheless"),
    Column("accepted_why", Text),
    Index("data_checks_by_spec", "spec", "at"),
)

performance_results = Table(
    "performance_results",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", INSTANT, nullable=False, comment="labels known by then counted"),
    Column("spec", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("window_from", INSTANT, nullable=False),
    Column("window_to", INSTANT, nullable=False),
    Column("answers", Integer, nullable=False),
    Column("labelled", Integer, nullable=False),
    Column("maturity", Double),
    Column("source", Text, nullable=False, comment="realised or estimated"),
    Column("score", Text, nullable=False),
    Column("value", Double, nullable=False),
    Column("low", Double),
    Column("high", Double),
    Index("performance_results_by_spec", "spec", "version", "window_to"),
)

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
