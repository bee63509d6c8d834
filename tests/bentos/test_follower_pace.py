"""How long the service waits between two looks at the registry."""

from types import MappingProxyType, SimpleNamespace

import pytest

from bentos.predict.follower import HEARING_POLL_S, POLL_S, Follower
from bentos.predict.live_versions import Serving
from runlore.app import App
from runlore.serving.actions.broken_versions import BrokenVersion
from runlore.settings import Settings

NAME = "failure-risk"


@pytest.fixture
def follower(settings: Settings) -> Follower:
    """A follower that hears of changes and whose last look met nothing."""
    follower = Follower(App(settings), Serving((NAME,)))
    follower.changes.is_hearing = True
    return follower


def test_looks_are_rare_while_changes_are_heard_and_often_while_they_are_not(
    follower: Follower,
) -> None:
    assert follower._pause_s() == HEARING_POLL_S
    follower.changes.is_hearing = False
    assert follower._pause_s() == POLL_S


def test_what_is_wrong_is_looked_at_often(follower: Follower) -> None:
    follower.poller.trouble = "the registry is away"
    assert follower._pause_s() == POLL_S
    follower.poller.trouble = ""
    broken = BrokenVersion(NAME, "2", "it cannot be loaded", "no such file")
    follower.serving.broken = MappingProxyType({NAME: broken})
    assert follower._pause_s() == POLL_S


def test_a_challenger_alone_makes_no_look_more_frequent(follower: Follower) -> None:
    follower.serving.challenges = MappingProxyType({NAME: SimpleNamespace()})
    assert follower._pause_s() == HEARING_POLL_S
