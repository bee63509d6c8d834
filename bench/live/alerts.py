"""How soon does an alert arrive, how often, and what if its receivers fail?

    PYTHONPATH=. python bench/live/alerts.py [--causes 20] [--outage 5]

A PostgreSQL, a webhook and a mail server on this machine, and `runlore alerts deliver` in a process
of its own, as `runlore up` runs it. Each cause is an anomaly that another process records and
then is killed by SIGKILL before it could send anything. Seconds are from that process's commit to
the arrival. One JSON object per line.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from runlore import settings
from runlore.alerts.actions import handling
from runlore.alerts.queries.alerts import AlertQuery
from runlore.kernel import instants
from runlore.store.engine import Store, open_store
from tests.alerts.receivers import Post, Web, smtp_server, start, stop

PLANT = """
import os, signal, sys, time
from runlore.kernel import instants as instant
from runlore.alerts.queries import anomalies
from runlore.store.engine import connect
store = connect(sys.argv[1])
for _ in range(int(sys.argv[3])):
    with store.begin() as connection:
        found = {"reasons": ["planted"]}
        anomalies.open_anomaly(connection, "drift", sys.argv[2], "critical", found, instant.now())
    if _ == 0:
        print(time.time(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
PATIENCE_S = 120.0


def plant(store: Store, subject: str, findings: int = 1) -> float:
    """Record findings of one cause and die; the Unix time of the first commit."""
    command = (sys.executable, "-c", PLANT, store.url, subject, str(findings))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return float(done.stdout)


@contextlib.contextmanager
def dispatcher(home: Path) -> Iterator[None]:
    with (home / "deliver.log").open("ab") as log:
        command = (sys.executable, "-m", "runlore.cli", "alerts", "deliver")
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ)
    beat = settings.read().alerts_beat
    await_(beat.exists)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        code = process.wait(30)
        tell("ctrl-c", exit_code=code, seconds=round(time.monotonic() - began, 2))


def await_(holds, patience_s: float = PATIENCE_S) -> bool:
    until = time.monotonic() + patience_s
    while time.monotonic() < until and not holds():
        time.sleep(0.01)
    return holds()


def tell(what: str, **figures: object) -> None:
    print(json.dumps({"bench": f"alerts.{what}", **figures}), flush=True)


def of(web: Web, subject: str) -> list[float]:
    """When a cause's openings arrived."""
    return [e.at for e in web.taken if (e.body["subject"], e.body["event"]) == (subject, "opened")]


def promptness(store: Store, web: Web, post: Post, causes: int) -> None:
    by_web, by_mail = [], []
    for number in range(causes):
        subject = f"spec-{number}"
        at = plant(store, subject)
        assert await_(lambda s=subject, n=number: of(web, s) and len(post.at) > n)
        by_web.append(of(web, subject)[0] - at)
        by_mail.append(post.at[number] - at)
    for name, found in (("webhook", by_web), ("smtp", by_mail)):
        found.sort()
        middle, worst = round(found[len(found) // 2], 3), round(found[-1], 3)
        tell(f"seconds.{name}", causes=causes, median=middle, worst=worst)


def one_not_twenty(store: Store, web: Web, post: Post) -> None:
    mails = len(post.mails)
    plant(store, "twenty", 20)
    await_(lambda: bool(of(web, "twenty")))
    time.sleep(5)
    (found,) = handling.overview(store, AlertQuery(subject="twenty"), instants.now()).alerts
    messages = {"webhook": len(of(web, "twenty")), "smtp": len(post.mails) - mails}
    tell("one_not_twenty", findings=found.alert.count, alerts=1, **messages)


def outage(store: Store, web: Web, how: str, lasting_s: float) -> None:
    """The receiver fails; the alert is seen not to arrive, and arrives once when it is back."""
    subject = f"while {how}"
    with contextlib.ExitStack() as stack:
        if how == "answers 500":
            web.status = 500
        elif how == "hangs":
            web.hangs = True
        else:
            stack.enter_context(closed(web))
        plant(store, subject)
        is_seen = await_(
            lambda: bool(handling.overview(store, AlertQuery(), instants.now()).trouble)
        )
        time.sleep(lasting_s)
    web.status, web.hangs = 200, False
    back = time.time()
    assert await_(lambda: bool(of(web, subject)))
    await_(lambda: not handling.overview(store, AlertQuery(), instants.now()).trouble)
    time.sleep(3)
    seconds = round(of(web, subject)[0] - back, 2)
    told = {"arrived": len(of(web, subject)), "seconds_after_it_was_back": seconds}
    tell(f"outage.{how.replace(' ', '_')}", failure_was_visible=is_seen, **told)


@contextlib.contextmanager
def closed(web: Web) -> Iterator[None]:
    """Nobody listens on its port."""
    stop(web)
    yield
    start(web)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--causes", type=int, default=20)
    parser.add_argument("--outage", type=float, default=5.0, help="seconds that receivers fail")
    given = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="rl-"))
    os.environ["RUNLORE_HOME"] = str(home)
    try:
        with smtp_server(Post()) as post:
            web = Web()
            start(web)
            mail = {"host": "127.0.0.1", "port": post.port, "tls": "none"}
            declared = {
                "ops": {"kind": "webhook", "url": web.url},
                "mail": {"kind": "email", **mail, "from": "runlore@here", "to": ["ops@here"]},
            }
            os.environ["RUNLORE_ALERT_CHANNELS"] = json.dumps(declared)
            with open_store(settings.read()) as store, dispatcher(home):
                promptness(store, web, post, given.causes)
                one_not_twenty(store, web, post)
                for how in ("is down", "answers 500", "hangs"):
                    outage(store, web, how, given.outage)
            stop(web)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    assert threading.active_count() == 1


if __name__ == "__main__":
    main()
