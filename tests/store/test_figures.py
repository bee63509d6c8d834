from sqlalchemy import insert

from runlore.store.engine import Store
from runlore.store.figures import figures
from runlore.store.schema import alias_changes, rejects


def change(spec: str, alias: str, version: str) -> dict[str, object]:
    given = {"spec": spec, "alias": alias, "version": version}
    return given | {"actor": "me", "reason": "test", "evidence": {}}


def test_an_empty_database_is_migrated_and_has_no_rows(store: Store) -> None:
    found = figures(store)
    assert found.is_migrated
    assert found.rows == {"executions": 0, "metrics": 0, "rejects": 0, "ledger": 0}
    assert found.champions == {}
    assert found.size_bytes > 1_000_000
    assert found.clock.tzinfo is not None


def test_the_champion_is_the_one_that_was_named_last(store: Store) -> None:
    with store.begin() as connection:
        changes = [
            change("duration", "champion", "1"),
            change("duration", "challenger", "3"),
            change("failure-risk", "champion", "7"),
            change("duration", "champion", "2"),
        ]
        connection.execute(insert(alias_changes), changes)
    assert figures(store).champions == {"duration": "2", "failure-risk": "7"}
    assert figures(store).rows.keys() == {"executions", "metrics", rejects.name, "ledger"}
