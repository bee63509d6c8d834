"""The tables of the marketplace: keys of publishers, packages, their versions, installations."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from runlore.store.schema.names import INSTANT, metadata

NO_TEXTS = text("'{}'::text[]")

marketplace_keys = Table(
    "marketplace_keys",
    metadata,
    Column("publisher", Text, nullable=False),
    Column("serial", Integer, nullable=False, comment="1: pinned on first use; then by rotation"),
    Column("key", Text, nullable=False, unique=True, comment="Ed25519 public key in hexadecimal"),
    Column("pinned_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("retired_at", INSTANT, comment="when it was rotated; null: it is the present key"),
    Column("rotation", JSONB, comment="the signed statement that brought it; null: first use"),
    PrimaryKeyConstraint("publisher", "serial"),
    Index(
        "marketplace_present_key",
        "publisher",
        unique=True,
        postgresql_where=text("retired_at IS NULL"),
    ),
)

marketplace_packages = Table(
    "marketplace_packages",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("name", Text, nullable=False, unique=True),
    Column("publisher", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="listed"),
    Column("flags", ARRAY(Text), nullable=False, server_default=NO_TEXTS, comment="why held"),
    Column("near_keys", ARRAY(Text), nullable=False, comment="for finding names that look alike"),
    Column("version", Text, nullable=False, comment="the newest; the columns below are its own"),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("agent_type", Text, nullable=False),
    Column("capabilities", ARRAY(Text), nullable=False),
    Column("form", Text, nullable=False),
    Column("permissions", ARRAY(Text), nullable=False),
    Column("price_cents", Integer, nullable=False),
    Column("currency", Text, nullable=False),
    Column("words", TSVECTOR, nullable=False, comment="of name, title, description, capabilities"),
    Column("created_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("published_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    CheckConstraint("status IN ('listed', 'held', 'withdrawn')", name="known_package_status"),
    Index("marketplace_packages_by_word", "words", postgresql_using="gin"),
    Index("marketplace_packages_by_near_name", "near_keys", postgresql_using="gin"),
    Index("marketplace_packages_by_capability", "capabilities", postgresql_using="gin"),
)

marketplace_versions = Table(
    "marketplace_versions",
    metadata,
    Column("package_id", Uuid, ForeignKey("runlore.marketplace_packages.id"), nullable=False),
    Column("number", Integer, nullable=False, comment="1, 2, … in the order of publication"),
    Column("version", Text, nullable=False),
    Column("digest", Text, nullable=False, comment="SHA-256 of the archive"),
    Column("key", Text, nullable=False, comment="the public key that signed it; '': built in"),
    Column("manifest", JSONB, nullable=False),
    Column("archive", LargeBinary, comment="null: of a package that is built in"),
    Column("published_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    PrimaryKeyConstraint("package_id", "number"),
    UniqueConstraint("package_id", "version", name="marketplace_version_once"),
)

marketplace_installations = Table(
    "marketplace_installations",
    metadata,
    Column("agent_id", Uuid, primary_key=True, comment="the agent that it registered"),
    Column("package_id", Uuid, ForeignKey("runlore.marketplace_packages.id"), nullable=False),
    Column("agent_name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("digest", Text, nullable=False, comment="of the archive that was accepted"),
    Column("permissions", ARRAY(Text), nullable=False, comment="that a person granted"),
    Column("installed_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("updated_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("uninstalled_at", INSTANT),
    Column("tasks_completed", BigInteger, comment="of its agent, when it was uninstalled"),
    Column("tasks_failed", BigInteger, comment="likewise"),
    Index("marketplace_installations_by_package", "package_id"),
)
