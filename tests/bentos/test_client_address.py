"""Addresses are those of sockets, and of X-Forwarded-For only where a setting names its proxy."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request

from bentos.access.key_cache import OneKey
from bentos.access.key_check import KeyCheck
from bentos.http.client_address import TrustedProxies, bucket_of
from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.kernel.errors import Misconfigured
from runlore.settings import read
from runlore.stack.tcp_ports import free_port

ANN = {"actor": "ann", "kind": "build", "scope": "web", "inputs": {"nodes": 4}}
HAPROXY = """
defaults
  mode http
  timeout connect 2s
  timeout client 20s
  timeout server 20s
frontend front
  bind 127.0.0.1:{front}
  option forwardfor
  default_backend back
backend back
  server one 127.0.0.1:{back}
"""


def request(peer: str | None, *forwarded: str, name: str = "x-forwarded-for") -> Request:
    headers = [(name.encode(), text.encode()) for text in forwarded]
    client = None if peer is None else (peer, 5000)
    server = ("127.0.0.1", 3000)
    return Request({"type": "http", "headers": headers, "client": client, "server": server})


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        ("10.1.2.3", [], "10.1.2.3"),
        ("::ffff:10.1.2.3", [], "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        (None, [], "unknown"),
        ("10.1.2.3", ["9.9.9.9"], "10.1.2.3"),
        ("127.0.0.1", ["9.9.9.9"], "loopback"),
        ("127.0.0.77", [], "loopback"),
        ("::1", [], "loopback"),
        ("10.0.0.7", [], "10.0.0.7"),
        ("10.0.0.7", ["9.9.9.9"], "9.9.9.9"),
        ("10.0.0.7", ["1.1.1.1, 9.9.9.9"], "9.9.9.9"),
        ("10.0.0.7", ["1.1.1.1", "9.9.9.9"], "9.9.9.9"),
        ("10.0.0.7", ["1.1.1.1, 9.9.9.9, 10.8.0.1"], "9.9.9.9"),
        ("10.0.0.7", ["9.9.9.9:4711"], "9.9.9.9"),
        ("10.0.0.7", ["[2001:db8::1]:80"], "2001:db8::/64"),
        ("10.0.0.7", ["9.9.9.9, what is this"], "unknown"),
        ("10.0.0.7", ["9.9.9.9, " + "1" * 5000], "unknown"),
        ("10.0.0.7", ["10.8.0.2, 10.8.0.1"], "10.8.0.2"),
        ("10.0.0.7", [""], "unknown"),
    ],
)
def test_the_rightmost_address_that_is_no_proxy_of_ours_counts(
    peer: str | None, forwarded: list[str], counted: str
) -> None:
    proxies = TrustedProxies.parse(["10.0.0.7", "10.8.0.0/16"])
    assert bucket_of(proxies.client(request(peer, *forwarded))) == counted


@pytest.mark.parametrize(
    ("trusted", "came", "needed"),
    [
        ([], request("127.0.0.1"), False),
        ([], request("127.0.0.1", "203.0.113.9"), True),
        ([], request("127.0.0.1", "127.0.0.1"), True),
        ([], request("127.0.0.1", "for=203.0.113.9", name="forwarded"), True),
        ([], request("127.0.0.1", "1.1 proxy", name="via"), True),
        (["127.0.0.1"], request("127.0.0.1"), False),
        (["127.0.0.1"], request("127.0.0.1", "203.0.113.9"), True),
        (["127.0.0.1"], request("127.0.0.1", "127.0.0.1", "203.0.113.9"), True),
        (["127.0.0.1"], request("127.0.0.1", "127.0.0.1"), False),
        (["127.0.0.1"], request("127.0.0.1", "1.1 proxy", name="via"), True),
    ],
)
def test_what_came_through_a_proxy_of_this_machine_is_not_of_this_machine(
    trusted: list[str], came: Request, needed: bool
) -> None:
    proxies = TrustedProxies.parse(trusted)
    check = KeyCheck(OneKey(None), is_required=False, is_public=False, proxies=proxies)
    assert check.is_local(came) != needed


def test_a_proxy_that_is_no_network_is_named_with_its_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for wrong in ('["proxy.example"]', '["10.0.0.1/8"]', "10.0.0.1"):
        monkeypatch.setenv("RUNLORE_TRUSTED_PROXIES", wrong)
        with pytest.raises(Misconfigured, match="RUNLORE_TRUSTED_PROXIES"):
            read()
    monkeypatch.setenv("RUNLORE_TRUSTED_PROXIES", '["10.0.0.7", "::1"]')
    assert read().trusted_proxies == ("10.0.0.7/32", "::1/128")


def test_no_header_and_no_loopback_address_passes_the_limit(
    serve: Callable[..., httpx.Client], serving: Serving
) -> None:
    client = serve(serving, api_keys="off", rate_limit_per_minute=4)
    await_minute()
    statuses = []
    for number in range(6):
        headers = {"X-Forwarded-For": f"9.9.9.{number}"}
        asked = httpx.HTTPTransport(local_address=f"127.0.0.{number + 1}")
        with httpx.Client(base_url=client.base_url, transport=asked) as one:
            statuses.append(one.post("/predict/duration", json=ANN, headers=headers).status_code)
    assert statuses == [200] * 4 + [429] * 2


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[Callable[[httpx.Client], str]]:
    """What puts a real HAProxy before a service, and gives its address."""
    program = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
    if program is None:
        pytest.skip("needs haproxy")
    started = []

    def start(client: httpx.Client) -> str:
        front = free_port("127.0.0.1")
        config = tmp_path / f"{front}.cfg"
        config.write_text(HAPROXY.format(front=front, back=client.base_url.port))
        started.append(subprocess.Popen([program, "-db", "-f", config]))
        until = time.monotonic() + 60
        while not is_listening(front):
            assert time.monotonic() < until
            time.sleep(0.05)
        return f"http://127.0.0.1:{front}"

    yield start
    for process in started:
        process.terminate()
        process.wait()


@pytest.mark.slow
def test_behind_haproxy_the_client_counts_and_needs_a_key(
    serve: Callable[..., httpx.Client], serving: Serving, haproxy: Callable[[httpx.Client], str]
) -> None:
    """Addresses of clients are those of loopback here, of which the proxy is one."""
    plain = serve(serving)
    through = haproxy(plain)
    assert plain.post("/predict/duration", json=ANN).status_code == 200
    assert httpx.post(f"{through}/predict/duration", json=ANN).status_code == 401
    forged = {"X-Forwarded-For": "127.0.0.1"}
    answer = httpx.post(f"{through}/predict/duration", json=ANN, headers=forged)
    assert answer.status_code == 401
    named = serve(
        Serving(serving.names, store=serving.store, live=serving.live),
        api_keys="off",
        rate_limit_per_minute=3,
        trusted_proxies=["127.0.0.1"],
    )
    through = haproxy(named)
    await_minute()
    statuses = []
    for number in range(5):
        headers = {"X-Forwarded-For": f"9.9.9.{number}"}
        asked = httpx.HTTPTransport(local_address="127.0.0.2")
        with httpx.Client(transport=asked) as one:
            answer = one.post(f"{through}/predict/duration", json=ANN, headers=headers)
            statuses.append(answer.status_code)
    assert statuses == [200] * 3 + [429] * 2


def is_listening(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def await_minute() -> None:
    """Be early enough in a minute to end in the same one."""
    passed = instants.now().second
    if passed > 50:
        time.sleep(60.5 - passed)
