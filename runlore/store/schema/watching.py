"""The tables of monitoring: the results of windows of time, and the anomalies."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.names import INSTANT, SCHEMA, metadata

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
    Column("what", Text, nullable=False, server_default=text("''"), comment="what changed"),
    Column("certainty", Text, nullable=False, server_default=text("''"), comment="how sure"),
    Column("advice", Text, nullable=False, server_default=text("''"), comment="what to do"),
    Column("since", INSTANT, nullable=False, server_default=func.now()),
    Column("seen_at", INSTANT, nullable=False, server_default=func.now()),
    Column("count", BigInteger, nullable=False, server_default=text("1"), comment="of findings"),
    Column("returns", Integer, nullable=False, server_default=text("0")),
    Column("told", Text, comment="the gravest severity that people were told of"),
    Column("known", Text, comment="the same, of all episodes of this run"),
    Column("acknowledged_at", INSTANT),
    Column("acknowledged_by", Text),
    Column("note", Text),
    Column("resolved_by", Text),
    Index(
        "anomalies_open",
        "kind",
        "subject",
        unique=True,
        postgresql_where=text("resolved_at IS NULL"),
    ),
    Index("anomalies_of_cause", "kind", "subject", "id"),
)

SLICE = ("spec", "version", "length_us", "starts_at")

drift_slices = Table(
    "drift_slices",
    metadata,
    Column("spec", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("length_us", BigInteger, primary_key=True),
    Column("starts_at", INSTANT, primary_key=True),
    Column("bins", Text, nullable=False, comment="digest of the bins and the model it is about"),
    Column("rows", BigInteger, nullable=False, comment="executions that became known in it"),
    Column("until_seq", BigInteger, nullable=False, comment="facts up to here were looked at"),
    Column("facts", BigInteger, nullable=False, comment="how many of the last of them there were"),
    Column("counted_at", INSTANT, nullable=False),
    Column("sample_at_us", ARRAY(BigInteger), comment="of the rows of the sample"),
    Column("sample", LargeBinary, comment="rows to draw: float32, little-endian, row by row"),
)

drift_histograms = Table(
    "drift_histograms",
    metadata,
    Column("spec", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("length_us", BigInteger, primary_key=True),
    Column("starts_at", INSTANT, primary_key=True),
    Column("column_name", Text, primary_key=True),
    Column("counts", ARRAY(BigInteger), nullable=False, comment="by bin of the reference"),
    Column("sums", ARRAY(Double), nullable=False, comment="of the values in each bin"),
    Column("missing", BigInteger, nullable=False),
    Column("known", BigInteger, nullable=False),
    Column("mean", Double, nullable=False),
    Column("deviations", Double, nullable=False, comment="sum of their squares"),
    Column("low", Double, nullable=False),
    Column("high", Double, nullable=False),
    ForeignKeyConstraint(
        SLICE, [f"{SCHEMA}.drift_slices.{name}" for name in SLICE], ondelete="CASCADE"
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
