from runlore.kernel import instants
from runlore.registry import alias_history
from runlore.registry.alias_history import Change
from runlore.reports.queries.figures import figures
from runlore.serving.actions import broken_versions
from runlore.serving.actions.broken_versions import BrokenVersion
from runlore.store.engine import Store
from runlore.store.schema import rejects


def test_an_empty_database_is_migrated_and_has_no_rows(store: Store) -> None:
    found = figures(store)
    assert found.is_migrated
    assert found.rows == {"executions": 0, "metrics": 0, "rejects": 0, "ledger": 0}
    assert found.champions == {}
    assert found.size_bytes > 1_000_000
    assert found.clock.tzinfo is not None


def test_the_champion_is_the_one_that_was_named_last(store: Store) -> None:
    pointed = (
        ("duration", "champion", "1"),
        ("duration", "challenger", "3"),
        ("failure-risk", "champion", "7"),
        ("duration", "champion", "2"),
    )
    with alias_history.writing(store) as history:
        for spec, alias, version in pointed:
            history.add(Change(spec, alias, version, "announce", "me", "test"))
    assert figures(store).champions == {"duration": "2", "failure-risk": "7"}
    assert figures(store).rows.keys() == {"executions", "metrics", rejects.name, "ledger"}


def test_a_broken_champion_is_among_the_figures_until_it_answers(store: Store) -> None:
    broken = BrokenVersion("duration", "2", "its files are missing or unreadable", "", "1")
    broken_versions.report(store, broken, instants.now())
    assert figures(store).broken == {
        "duration": "duration version 2 cannot answer: its files are missing or unreadable;"
        " version 1, the former champion, answers"
    }
    broken_versions.clear(store, "duration", instants.now())
    assert figures(store).broken == {}
