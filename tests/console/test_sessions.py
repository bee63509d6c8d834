"""A session lasts for its time, and is of one key with one hash."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bentos.access.sessions import LASTS_S, Sessions
from runlore.serving.queries.api_keys import ApiKey

AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
KEY = ApiKey("k1", "ann", "a" * 64, ("read",), AT)
SOON = timedelta(seconds=1)


@dataclass
class OneKeyOf:
    """A registry of a single key."""

    key: ApiKey

    def find(self, text: str, at: datetime) -> ApiKey | None:
        raise AssertionError(f"no session brings a key: {text} at {at}")

    def of_id(self, key_id: str, at: datetime) -> ApiKey | None:
        return self.key if key_id == self.key.id else None

    def used(self, key: ApiKey, at: datetime) -> None: ...


def test_a_session_ends_when_its_time_is_over(tmp_path: Path) -> None:
    sessions = Sessions(OneKeyOf(KEY), tmp_path)
    text, end = sessions.issue(KEY, AT), AT + timedelta(seconds=LASTS_S)
    assert sessions.find(text, end - SOON) == KEY
    assert sessions.find(text, end) is None


def test_a_later_end_that_is_written_into_a_session_is_not_believed(tmp_path: Path) -> None:
    sessions = Sessions(OneKeyOf(KEY), tmp_path)
    key_id, end, rest = sessions.issue(KEY, AT).split(".", 2)
    assert sessions.find(f"{key_id}.{int(end) + 1}.{rest}", AT) is None


def test_the_home_alone_forges_no_session(tmp_path: Path) -> None:
    """Of the key's hash, which the database holds."""
    other = replace(KEY, hash="b" * 64)
    assert (
        Sessions(OneKeyOf(KEY), tmp_path).find(Sessions(None, tmp_path).issue(other, AT), AT)
        is None
    )


def test_the_database_alone_forges_no_session(tmp_path: Path) -> None:
    homes = [tmp_path / name for name in ("one", "other")]
    for folder in homes:
        folder.mkdir()
    one, other = (Sessions(OneKeyOf(KEY), folder) for folder in homes)
    assert one.find(other.issue(KEY, AT), AT) is None
