"""A slow machine says 504 while it learns something for the first time, and to try again."""

from typing import Any

import httpx


def request(client: httpx.Client, method: str, path: str, **content: Any) -> httpx.Response:
    for _ in range(10):
        answer = client.request(method, path, **content)
        if answer.status_code != 504:
            break
    return answer
