"""A language model behind an OpenAI-compatible endpoint, within bounds. It is not trusted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from runlore.kernel.errors import Misconfigured, Unavailable
from runlore.settings import Settings

MAX_REPLY_BYTES = 256 << 10


@dataclass(frozen=True)
class ChatEndpoint:
    """url: with the version, such as http://localhost:11434/v1. key: None: it asks for none."""

    url: str
    model: str
    key: str | None = None


class ChatUnavailable(Unavailable):
    """The endpoint is away, or says what nobody can use."""


def chat_endpoint(settings: Settings) -> ChatEndpoint | None:
    """None: no model is set. Raises Misconfigured for an endpoint without the name of a model."""
    if settings.chat_url is None:
        return None
    if not settings.chat_model:
        raise Misconfigured("RUNLORE_CHAT_MODEL: name the language model of RUNLORE_CHAT_URL")
    key = settings.chat_key.get_secret_value() if settings.chat_key else None
    return ChatEndpoint(settings.chat_url.get_secret_value(), settings.chat_model, key)


async def complete_chat(
    client: httpx.AsyncClient, endpoint: ChatEndpoint, body: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The message of the first choice. body: messages, and tools. Raises ChatUnavailable."""
    headers = {} if endpoint.key is None else {"Authorization": f"Bearer {endpoint.key}"}
    url = f"{endpoint.url.rstrip('/')}/chat/completions"
    sent = {"model": endpoint.model, **body}
    try:
        async with client.stream("POST", url, json=sent, headers=headers) as response:
            content = await _read(response)
        if response.status_code != 200:
            raise ChatUnavailable(f"the language model's endpoint says {response.status_code}")
        message = json.loads(content)["choices"][0]["message"]
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ChatUnavailable(
            f"the language model's endpoint is away: {type(error).__name__}"
        ) from error
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ChatUnavailable(
            "the language model's endpoint does not answer as OpenAI's does"
        ) from error
    if not isinstance(message, dict):
        raise ChatUnavailable("the language model's endpoint does not answer as OpenAI's does")
    return message


async def _read(response: httpx.Response) -> bytes:
    content = b""
    async for part in response.aiter_bytes():
        content += part
        if len(content) > MAX_REPLY_BYTES:
            raise ChatUnavailable(
                f"the language model's reply is larger than {MAX_REPLY_BYTES >> 10} KiB"
            )
    return content
