"""Receivers and channels that lead to them."""

from collections.abc import Iterator

import pytest

from tests.alerts.receivers import Post, Web, http_server, smtp_server


@pytest.fixture
def web() -> Iterator[Web]:
    with http_server(Web()) as served:
        yield served


@pytest.fixture
def post() -> Iterator[Post]:
    with smtp_server(Post()) as served:
        yield served
