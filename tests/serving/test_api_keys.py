"""Keys are made, found, replaced and ended; nobody can read them out of the database."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.serving.actions import api_keys
from runlore.serving.actions.api_keys import NewKey
from runlore.serving.queries import api_keys as table
from runlore.serving.queries.api_keys import ApiKey
from runlore.store.engine import Store

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def make(store: Store, name: str = "ci", *scopes: str, at: datetime = NOW) -> NewKey:
    return api_keys.create(store, name, scopes or ("predict",), at, at + 90 * DAY)


def known(store: Store) -> dict[str, ApiKey]:
    return {key.id: key for key in table.every(store)}


def test_a_key_is_known_by_its_text_and_by_no_other(store: Store) -> None:
    made = make(store)
    keys = known(store)
    assert api_keys.check(keys, made.text, NOW) == made.key
    prefix, key_id, secret = made.text.split("_")
    assert (prefix, key_id, len(secret)) == ("rl", made.key.id, 64)
    wrong = (f"rl_{key_id}_{secret[:-1]}", f"rl_{key_id}_", key_id, "", "rl__", made.key.hash)
    other = make(store, "else")
    mixed = f"rl_{other.key.id}_{secret}"
    for each in (*wrong, mixed, f"xx_{key_id}_{secret}", f"rl_{key_id}_{made.key.hash}", "é_ü_ö"):
        assert api_keys.check(keys | {other.key.id: other.key}, each, NOW) is None, each


def test_the_secret_is_nowhere_in_the_database(store: Store) -> None:
    made = make(store)
    secret = made.text.split("_")[2]
    with store.begin() as connection:
        rows = connection.scalars(text("SELECT api_keys::text FROM runlore.api_keys")).all()
    assert len(rows) == 1
    assert made.key.id in rows[0]
    assert secret not in rows[0]
    assert secret not in repr(made)
    assert made.key.hash not in repr(made)


def test_a_key_works_until_it_expires(store: Store) -> None:
    made = make(store)
    end = NOW + 90 * DAY
    assert api_keys.check(known(store), made.text, end - timedelta(seconds=1)) is not None
    assert api_keys.check(known(store), made.text, end) is None
    assert api_keys.state(made.key, end) == "expired"


def test_a_revoked_key_works_no_more_and_says_since_when(store: Store) -> None:
    made = make(store)
    api_keys.revoke(store, made.key.id, NOW + DAY)
    again = api_keys.revoke(store, made.key.id, NOW + 2 * DAY)
    assert again.revoked_at == NOW + DAY
    assert api_keys.state(again, NOW + 2 * DAY) == "revoked"
    assert api_keys.check(known(store), made.text, NOW + DAY) is None


def test_a_name_has_two_live_keys_and_never_three(store: Store) -> None:
    first, second = make(store), make(store)
    assert first.key.id != second.key.id
    both = " and ".join(sorted((first.key.id, second.key.id)))
    with pytest.raises(Refused, match=rf"{both}.*runlore keys revoke"):
        make(store)
    assert api_keys.check(known(store), first.text, NOW) is not None
    api_keys.revoke(store, first.key.id, NOW)
    assert make(store).key.name == "ci"
    make(store, "somebody else")
    assert make(store, at=NOW + 91 * DAY).key.name == "ci"


def test_a_rotated_key_has_its_scopes_and_leaves_the_old_one_working(store: Store) -> None:
    old = make(store, "ci", "record", "predict")
    new = api_keys.rotate(store, old.key.id, NOW + DAY)
    assert (new.key.name, new.key.scopes) == ("ci", ("predict", "record"))
    assert new.key.expires_at == NOW + 91 * DAY
    for each in (old, new):
        assert api_keys.check(known(store), each.text, NOW + DAY) is not None
    with pytest.raises(Refused, match="2 live keys"):
        api_keys.rotate(store, old.key.id, NOW + DAY)
    api_keys.revoke(store, old.key.id, NOW + DAY)
    with pytest.raises(Refused, match="works no more"):
        api_keys.rotate(store, old.key.id, NOW + DAY)


def test_a_scope_allows_itself_and_admin_everything(store: Store) -> None:
    one, every = make(store, "a", "read").key, make(store, "b", "admin").key
    assert api_keys.allows(one, "read")
    assert not api_keys.allows(one, "predict")
    assert all(api_keys.allows(every, scope) for scope in api_keys.SCOPES)


@pytest.mark.parametrize(
    ("name", "scopes", "days", "message"),
    [
        ("", ["predict"], 1, "name"),
        ("two\nlines", ["predict"], 1, "name"),
        ("ci", ["write"], 1, "'write' is unknown; there are: predict, record, read, train, admin"),
        ("ci", [], 1, "none is given"),
        ("ci", ["predict"], -1, "in the past"),
    ],
)
def test_a_wrong_wish_is_refused_by_its_field(
    store: Store, name: str, scopes: list[str], days: int, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        api_keys.create(store, name, scopes, NOW, NOW + days * DAY)
    assert table.every(store) == []


def test_an_unknown_id_is_not_found(store: Store) -> None:
    for action in (api_keys.revoke, api_keys.rotate):
        with pytest.raises(NotFound, match="runlore keys list"):
            action(store, "0000000000", NOW)
