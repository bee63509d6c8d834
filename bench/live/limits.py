"""Do limits and metrics hold over many workers?

    RUNLORE_HOME=… python bench/live/limits.py [--workers 8] [--limit 3000]

More requests than are allowed come in for one whole minute, with many connections, so that all
workers get some. Counted are those let in, and the same by `/metrics` and by the ledger.
"""

import argparse
import asyncio
import json
import os
import re
import time

import aiohttp
from promotions import BODY, ready
from truth import Service

from runlore import settings
from runlore.kernel import instants
from runlore.serving.queries import ledger_query
from runlore.serving.queries.ledger_query import LedgerQuery
from runlore.store.engine import open_store

MINUTE_S = 60
CONNECTIONS = 32
COUNTED = re.compile(r'^runlore_predictions_total\{.*status="200".*\} ([\d.e+]+)$', re.MULTILINE)
TIMED = re.compile(r"^runlore_prediction_duration_seconds_count\{.*\} ([\d.e+]+)$", re.MULTILINE)


async def one_minute(url: str, limit: int) -> dict[int, int]:
    """Status -> answers, of requests that were sent in one calendar minute."""
    statuses: dict[int, int] = {}
    begin = (time.time() // MINUTE_S + 1) * MINUTE_S
    pause = CONNECTIONS * MINUTE_S / (limit * 1.5)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:

        async def client() -> None:
            await asyncio.sleep(begin + 0.5 - time.time())
            while time.time() < begin + MINUTE_S - 1:
                began = time.monotonic()
                async with session.post(url, json=BODY) as response:
                    statuses[response.status] = statuses.get(response.status, 0) + 1
                await asyncio.sleep(max(pause - (time.monotonic() - began), 0))

        await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return statuses


async def run(service: Service, store, given) -> tuple[dict[int, int], str]:
    base = f"http://127.0.0.1:{service.port}"
    await ready(base, given.workers, store, given.spec)
    statuses = await one_minute(f"{base}/predict/{given.spec}", given.limit)
    await asyncio.sleep(61 - time.time() % 60)
    async with aiohttp.ClientSession() as session, session.get(f"{base}/metrics") as response:
        return statuses, await response.text()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--workers", type=int, default=8)
    options.add_argument("--limit", type=int, default=3000)
    options.add_argument("--spec", default="failure-risk")
    given = options.parse_args()
    os.environ["RUNLORE_RATE_LIMIT_PER_MINUTE"] = str(given.limit)
    chosen = settings.read()
    with open_store(chosen) as store:
        service = Service(given.workers)
        service.start()
        since = instants.now()
        try:
            statuses, told = asyncio.run(run(service, store, given))
        finally:
            service.stop()
        counted = ledger_query.count(store, LedgerQuery(spec=given.spec, since=since))
    on_ledger = sum(n for (_, _, _, status), n in counted.items() if status == 200)
    let_in = statuses.get(200, 0)
    print(
        json.dumps(
            {
                "bench": "limits",
                "workers": given.workers,
                "limit": given.limit,
                "statuses": statuses,
                "off": round(let_in / given.limit - 1, 5),
                "on_ledger": on_ledger,
                "in_metrics": sum(map(float, COUNTED.findall(told))),
                "in_histogram": sum(map(float, TIMED.findall(told))),
            }
        )
    )


if __name__ == "__main__":
    main()
