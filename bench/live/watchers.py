"""Clients of the live stream for live_clients.py: many in one process, each checks what it gets.

They speak WebSocket by hand: a client library costs more than what is measured.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

PATH = "/ws/v3/ml-insights"
HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    "Sec-WebSocket-Version: 13\r\n\r\n"
)
RETRY_S = 0.2
TEXT, CLOSE, PING = 1, 8, 9


@dataclass
class Watcher:
    """topics: none means all. mean_s: between two drops; 0: it is never dropped.

    last: the highest topic_seq of each topic. cursor: where it goes on.
    """

    port: int
    topics: tuple[str, ...] = ()
    mean_s: float = 0.0
    cursor: str = ""
    last: dict[str, int] = field(default_factory=dict)
    events: int = 0
    gaps: int = 0
    doubles: int = 0
    reloads: int = 0
    drops: int = 0
    latencies: list[float] = field(default_factory=list)
    is_timed: bool = False

    @property
    def seq(self) -> int:
        return int(self.cursor.rpartition(".")[2] or -1)

    async def follow(self, is_done: Callable[["Watcher"], bool]) -> None:
        """Connect again and again until it is done."""
        while not is_done(self):
            with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                await self._connection(is_done)
            await asyncio.sleep(RETRY_S * random.random())

    async def _connection(self, is_done: Callable[["Watcher"], bool]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        lasts = random.expovariate(1 / self.mean_s) if self.mean_s else 1e9
        end = time.monotonic() + lasts
        try:
            query = f"topics={','.join(self.topics)}" + (
                f"&after={self.cursor}" if self.cursor else ""
            )
            writer.write(HANDSHAKE.format(path=f"{PATH}?{query}", port=self.port).encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 101 " not in head.partition(b"\r\n")[0]:
                return
            while not is_done(self):
                kind, payload = await asyncio.wait_for(
                    _frame(reader), max(0.001, min(20.0, end - time.monotonic()))
                )
                if kind == CLOSE:
                    return
                if kind == PING:
                    writer.write(bytes((0x8A, 0x80 | len(payload), 0, 0, 0, 0)) + payload)
                if kind == TEXT:
                    self.take(payload)
                if time.monotonic() >= end:
                    self.drops += 1
                    return
        except TimeoutError:
            self.drops += 1
        finally:
            writer.transport.abort()

    def take(self, payload: bytes) -> None:
        message = json.loads(payload)
        now = time.time()
        if message["type"] == "reload":
            self.reloads += 1
            self.last.clear()
        for event in message.get("events", ()):
            topic, number = event["topic"], event["topic_seq"]
            before = self.last.get(topic)
            if before is not None and number > before + 1:
                self.gaps += 1
            if before is not None and number <= before:
                self.doubles += 1
            self.last[topic] = number
            if self.is_timed and "sent" in event["data"]:
                self.latencies.append(now - event["data"]["sent"])
        self.events += len(message.get("events", ()))
        self.cursor = message["cursor"]


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, length = await reader.readexactly(2)
    if length == 126:
        length = int.from_bytes(await reader.readexactly(2), "big")
    elif length == 127:
        length = int.from_bytes(await reader.readexactly(8), "big")
    return first & 0x0F, await reader.readexactly(length)
