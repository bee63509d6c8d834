"""A log that another system appends to, taken in by the flow behind the deployment `inbox`."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from flows.ingest import ingest
from runlore import settings
from runlore.log.executions import read_facts
from runlore.store.engine import Store, open_store

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[2] / "docs" / "ingest.md"
HEADER = "build,queued_at,finished,status,branch,files,price_usd\n"


@pytest.fixture(scope="module")
def opened(home: Path) -> Iterator[Store]:
    with open_store(settings.read()) as store:
        yield store


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    path = tmp_path / "executions.csv"
    path.write_text(HEADER + lines(0, 3))
    return path


def lines(first: int, after: int) -> str:
    return "".join(
        f"b-{n},2026-10-01T10:{n:02d}:00,2026-10-01T10:{n:02d}:30,green,main,{n},0.5\n"
        for n in range(first, after)
    )


def documented() -> dict:
    """The mapping file of the document, as the Prefect UI takes it."""
    [text] = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return tomllib.loads(text)


def sources(store: Store) -> set[str]:
    return set(read_facts(store)["source"])


def test_a_growing_file_is_taken_in_by_what_is_new(opened: Store, inbox: Path) -> None:
    assert documented()["source"] == "ci"
    first = ingest(str(inbox), mapping=documented())
    assert first == {"new": 3, "known": 0, "rejected": 0}
    with inbox.open("a") as log:
        log.write(lines(3, 5))
    assert ingest(str(inbox), mapping=documented()) == {"new": 2, "known": 3, "rejected": 0}
    assert ingest(str(inbox), mapping=documented()) == {"new": 0, "known": 5, "rejected": 0}
    assert sources(opened) == {"ci"}
    facts = read_facts(opened)
    assert set(facts["status"]) == {"succeeded"}


def test_a_rotated_file_under_another_name_adds_nothing_twice(opened: Store, inbox: Path) -> None:
    ingest(str(inbox), mapping=documented() | {"source": "rotated"})
    older = inbox.rename(inbox.with_name("executions.csv.1"))
    inbox.write_text(HEADER + lines(2, 4))
    assert ingest(str(inbox), mapping=documented() | {"source": "rotated"})["new"] == 1
    assert ingest(str(older), mapping=documented() | {"source": "rotated"})["new"] == 0


def test_a_source_that_is_given_wins_and_without_any_it_is_inbox(
    opened: Store, inbox: Path
) -> None:
    ingest(str(inbox), source="mine", mapping=documented())
    nameless = {name: part for name, part in documented().items() if name != "source"}
    ingest(str(inbox), mapping=nameless)
    assert {"mine", "inbox"} <= sources(opened)


def test_the_run_is_named_by_the_file(opened: Store, inbox: Path) -> None:
    ingest(str(inbox), mapping=documented())
    with get_client(sync_client=True) as client:
        names = {run.name for run in client.read_flow_runs()}
    assert f"ingest {inbox.name}" in names


def test_a_tools_log_needs_no_mapping(opened: Store, tmp_path: Path) -> None:
    log = tmp_path / "sacct.txt"
    log.write_text(
        "JobID|User|JobName|Partition|Submit|Start|End|State\n"
        "7|ann|sim|cpu|2026-03-01T10:00:00|2026-03-01T10:01:00|2026-03-01T10:31:00|COMPLETED\n"
        "7.batch||batch||2026-03-01T10:01:00|2026-03-01T10:01:00|2026-03-01T10:31:00|COMPLETED\n"
    )
    assert ingest(str(log), format="slurm", source="cluster")["new"] == 1
