"""What a client reads while no worker can answer."""

import socket

import pytest

from bentos.http.no_worker import NoWorkerResponder


@pytest.mark.parametrize(
    ("accept", "media_type", "says"),
    [
        ("text/html,*/*", "text/html", "Runlore is starting"),
        ("application/json", "application/problem+json", "no worker process is ready"),
    ],
)
def test_a_browser_gets_a_page_that_loads_itself_again(
    accept: str, media_type: str, says: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        responder = NoWorkerResponder(listener)
        with socket.create_connection(listener.getsockname(), timeout=60) as client:
            client.sendall(f"GET / HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\n\r\n".encode())
            listener.settimeout(20)
            answer = b""
            while says.encode() not in answer:
                responder.handle(responder.sources(accepts=True), 0.0)
                client.settimeout(0.05)
                try:
                    answer += client.recv(65_536)
                except TimeoutError:
                    continue
        responder.close()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert f"Content-Type: {media_type}".encode() in answer
