"""Opting out holds at once, is written once, and can be taken back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from runlore.kernel.errors import BadInput
from runlore.privacy.actions.opt_outs import set_opt_out
from runlore.privacy.queries.opt_outs import OptOut, list_opt_outs, opted_out
from runlore.store.engine import Store

AT = datetime(2026, 11, 2, tzinfo=UTC)


def change(store: Store, hours: int, name: str, *, is_out: bool) -> bool:
    at = AT + timedelta(hours=hours)
    return set_opt_out(store, OptOut(at, name, is_out, "cli", "")).has_changed


def test_the_newest_word_of_a_persona_counts_as_it_was_known(store: Store) -> None:
    words = [(0, "ann", True), (1, "ben", True), (2, "ann", False), (3, "cy/d", True)]
    assert all(change(store, hours, name, is_out=out) for hours, name, out in words)
    assert not change(store, 4, " ben ", is_out=True)
    with store.connect() as connection:
        for hours in range(-1, 5):
            known = {name: out for at, name, out in words if at <= hours}
            out = {name for name, is_out in known.items() if is_out}
            at = AT + timedelta(hours=hours)
            assert opted_out(connection, at) == out
            assert {one.persona for one in list_opt_outs(connection, at, 9)} == out
        assert opted_out(connection) == {"ben", "cy/d"}


def test_a_clock_that_is_ahead_does_not_delay_it(store: Store) -> None:
    change(store, 24 * 365 * 50, "ann", is_out=True)
    with store.connect() as connection:
        assert opted_out(connection) == {"ann"}


def test_ten_at_once_write_one_row(store: Store) -> None:
    with ThreadPoolExecutor(10) as pool:
        changed = list(pool.map(lambda at: change(store, at, "ann", is_out=True), range(10)))
    assert sum(changed) == 1


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "é" * 600])
def test_a_name_that_no_log_can_hold_is_refused(store: Store, name: str) -> None:
    with pytest.raises(BadInput, match="persona"):
        change(store, 0, name, is_out=True)
