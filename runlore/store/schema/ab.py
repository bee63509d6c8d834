"""The tables of A/B tests. Designs, actions and analyses stay; `ab_outcomes` adds events up."""

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Identity,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.answers import alias_changes
from runlore.store.schema.names import INSTANT, metadata

ab_tests = Table(
    "ab_tests",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("public_id", Uuid, nullable=False, server_default=func.gen_random_uuid(), unique=True),
    Column("name", Text, nullable=False, unique=True),
    Column("plan", JSONB, nullable=False, comment="as it was asked for"),
    Column("design", JSONB, nullable=False, comment="what follows from it; fixed by the start"),
    Column("exposure", Double, nullable=False, comment="the share of units; it only rises"),
    Column("created_at", INSTANT, nullable=False),
    Column("started_at", INSTANT),
    Column("ended_at", INSTANT),
    Column("ended_as", Text, comment="decided or stopped"),
    Column("winner", Text),
    Column("collected_at", INSTANT, comment="answers until then are in"),
    Column("collected_seq", BigInteger, nullable=False, server_default=text("0")),
)

DESIGN_STAYS = """
CREATE FUNCTION runlore.keep_design() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.started_at IS NOT NULL AND (NEW.plan, NEW.design, NEW.started_at, NEW.name)
        IS DISTINCT FROM (OLD.plan, OLD.design, OLD.started_at, OLD.name)
        OR NEW.exposure < OLD.exposure AND OLD.started_at IS NOT NULL
    THEN
        RAISE EXCEPTION 'A/B test % has started: its design stays', OLD.name;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER design_stays BEFORE UPDATE ON runlore.ab_tests
FOR EACH ROW EXECUTE FUNCTION runlore.keep_design();
"""
event.listen(ab_tests, "after_create", DDL(DESIGN_STAYS.replace("%", "%%")))  # type: ignore[no-untyped-call]

ab_actions = Table(
    "ab_actions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("test_id", BigInteger, ForeignKey(ab_tests.c.id), nullable=False, index=True),
    Column("at", INSTANT, nullable=False),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

ab_units = Table(
    "ab_units",
    metadata,
    Column("test_id", BigInteger, primary_key=True, autoincrement=False),
    Column("unit", Text, primary_key=True),
    Column("variant", Text, nullable=False),
    Column("exposed_at", INSTANT, nullable=False, comment="when it got its variant first"),
    Column("crossed_at", INSTANT, comment="when it met another variant first; null: it did not"),
)

ab_events = Table(
    "ab_events",
    metadata,
    Column("test_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, primary_key=True, comment="the sender's, to recognise repeats"),
    Column("unit", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("value", Double, nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("known_at", INSTANT, nullable=False),
)

ab_outcomes = Table(
    "ab_outcomes",
    metadata,
    Column("test_id", BigInteger, primary_key=True, autoincrement=False),
    Column("event", Text, primary_key=True),
    Column("is_before", Boolean, primary_key=True, comment="from before the unit's variant"),
    Column("unit", Text, primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("total", Double, nullable=False),
    Column("least", Double, nullable=False),
    Column("most", Double, nullable=False),
    Column("last", Double, nullable=False),
    Column("last_at", INSTANT, nullable=False),
)

ab_analyses = Table(
    "ab_analyses",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("test_id", BigInteger, ForeignKey(ab_tests.c.id), nullable=False),
    Column("look", Integer, nullable=False, comment="1 for the first"),
    Column("at", INSTANT, nullable=False),
    Column("actor", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("winner", Text),
    Column("is_final", Boolean, nullable=False),
    Column("analysis", JSONB, nullable=False),
    Column("evidence", JSONB, nullable=False, comment="statistics that it was made from"),
    UniqueConstraint("test_id", "look"),
)

ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.{}
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""
for _table in (ab_actions, ab_analyses):
    _table.add_is_dependent_on(alias_changes)
    _trigger = DDL(ONLY_ADDED.format(_table.name))  # type: ignore[no-untyped-call]
    event.listen(_table, "after_create", _trigger)
