"""A link of `runlore console` signs in once, for five minutes, and leaves no trace."""

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from bentos.access.sessions import COOKIE
from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.store.engine import Store
from runlore.store.schema import used_console_links
from runlore.web.console_link import LASTS_S, PATH, ConsoleLink, find_link, make_link
from runlore.web.login import login_file
from tests.bentos.conftest import Serve
from tests.console.conftest import BROWSER

AT = datetime(2026, 11, 29, 12, tzinfo=UTC)


def follow(client: httpx.Client, link: ConsoleLink) -> httpx.Response:
    return client.get(link.address(str(client.base_url)))


def test_a_link_opens_the_console_once(unknown: httpx.Client, short_tmp: Path) -> None:
    link = make_link(short_tmp, instants.now())
    answer = follow(unknown, link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert 'class="who" title="runlore">runlore<' in unknown.get("/").text
    unknown.cookies.clear()
    again = follow(unknown, link)
    assert again.status_code == 401
    assert COOKIE not in again.cookies
    assert "<code>runlore console</code> for another" in again.text
    assert link.token not in again.text


def test_of_many_who_use_a_link_at_once_one_gets_in(
    unknown: httpx.Client, serve: Serve, serving: Serving, short_tmp: Path
) -> None:
    """In both workers of a home."""
    again = Serving(serving.names, store=serving.store, live=serving.live)
    other = serve(again, home=short_tmp, database_url=serving.database().url)
    link = make_link(short_tmp, instants.now())

    def status(client: httpx.Client) -> int:
        return httpx.get(link.address(str(client.base_url)), headers=BROWSER).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(status, [unknown, other] * 8))
    assert sorted(statuses) == [303] + [401] * 15


def test_a_link_that_is_over_or_forged_opens_nothing(
    unknown: httpx.Client, world: Store, short_tmp: Path, tmp_path: Path
) -> None:
    now = instants.now()
    good = make_link(short_tmp, now)
    link_id, expires, signature = good.token.split(".")
    refused = [
        make_link(short_tmp, now - timedelta(seconds=LASTS_S)).token,
        make_link(tmp_path, now).token,
        f"{link_id}.{int(expires) + 60}.{signature}",
        f"other.{expires}.{signature}",
        f"{good.token}0",
        *("", "..", "a.b.c", f"{link_id}.{'9' * 30}.{signature}", "é.1.é", "a" * 5000),
    ]
    for token in refused:
        answer = follow(unknown, replace(good, token=token))
        assert (answer.status_code, COOKIE in answer.cookies) == (401, False), token
    with world.begin() as connection:
        assert connection.scalar(select(func.count()).select_from(used_console_links)) == 0
    assert follow(unknown, good).status_code == 303


def test_a_link_ends_at_its_instant_and_with_the_login(tmp_path: Path) -> None:
    link, end = make_link(tmp_path, AT), AT + timedelta(seconds=LASTS_S)
    assert find_link(tmp_path, link.token, end - timedelta(microseconds=1)) == link
    assert find_link(tmp_path, link.token, end) is None
    login_file(tmp_path).write_text("runlore:another\n")
    assert find_link(tmp_path, link.token, AT) is None


def test_a_link_needs_a_login_and_makes_none(unknown: httpx.Client, short_tmp: Path) -> None:
    link = make_link(short_tmp, instants.now())
    login_file(short_tmp).unlink()
    assert follow(unknown, link).status_code == 401
    assert not login_file(short_tmp).exists()


def test_who_only_looks_or_comes_from_elsewhere_does_not_use_a_link_up(
    unknown: httpx.Client, short_tmp: Path
) -> None:
    link = make_link(short_tmp, instants.now())
    address = link.address(str(unknown.base_url))
    assert unknown.head(address).status_code == 200
    for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
        assert unknown.get(address, headers=headers).status_code == 403
    assert follow(unknown, link).status_code == 303


def test_links_that_are_over_are_forgotten(
    unknown: httpx.Client, world: Store, short_tmp: Path
) -> None:
    with world.begin() as connection:
        old = {"id": "old", "expires_at": instants.now() - timedelta(seconds=1)}
        connection.execute(used_console_links.insert(), old)
    link = make_link(short_tmp, instants.now())
    follow(unknown, link)
    with world.begin() as connection:
        assert connection.scalars(select(used_console_links.c.id)).all() == [link.id]


def test_a_link_is_in_no_log(
    serve: Serve,
    serving: Serving,
    world: Store,
    short_tmp: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    client = serve(serving, home=short_tmp, database_url=world.url, log_requests="on")
    link = make_link(short_tmp, instants.now())
    caplog.clear()
    for _ in range(2):
        follow(client, link)
    ours = [record.getMessage() for record in caplog.records if not is_clients(record)]
    assert any(re.search(rf"GET {PATH}: \d+ in ", line) for line in ours)
    assert not any(link.token in line or link.id in line for line in ours)
    assert link.token not in repr(link)


def is_clients(record: logging.LogRecord) -> bool:
    """Of the client that this test is, and of its server's access log, which workers turn off."""
    return record.name.partition(".")[0] in ("httpx", "httpcore", "uvicorn")


def test_a_service_without_its_database_says_so(
    unknown: httpx.Client, serving: Serving, short_tmp: Path
) -> None:
    link = make_link(short_tmp, instants.now())
    store, serving.store = serving.store, None
    assert follow(unknown, link).status_code == 503
    serving.store = store
    assert follow(unknown, link).status_code == 303
