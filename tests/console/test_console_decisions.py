"""A waiting version on Home: start its rollout, or promote it at once, with name and reason."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from handmade import register, write_bundle

from bentos.predict.live_versions import Live, Serving
from runlore.alerts.actions import decisions
from runlore.alerts.rules.decision import DecisionRequest
from runlore.kernel import instants
from runlore.registry import Registry, alias_history
from runlore.retraining.actions import course, requests
from runlore.serving.actions import promotion, recording
from runlore.serving.actions.promotion import ChangeReason
from runlore.serving.actions.recording import Submission
from runlore.settings import Settings
from runlore.store.engine import Store, open_store
from tests.bentos.conftest import Serve, home  # noqa: F401  (a fixture)
from tests.console.conftest import BROWSER, form_token

pytestmark = pytest.mark.slow

RISK = "failure-risk"
FORM = {"actor": "zoe", "reason": "better on October"}


@pytest.fixture
def waiting(
    home: tuple[Settings, Registry],  # noqa: F811
    serve: Serve,
    loaded: dict[str, Live],
    tmp_path: Path,
) -> Iterator[tuple[httpx.Client, Store, Registry]]:
    """A console over a home in which the newest version waits as challenger."""
    settings, registry = home
    with open_store(settings) as store:
        for alias in promotion.ALIASES:
            registry.remove_alias(RISK, alias)
        for seed in (1, 2):
            ref = register(registry, write_bundle(tmp_path / f"v{seed}", RISK, seed))
            promotion.announce(store, registry, ref, ChangeReason("ann", f"trained, {seed}"))
        serving = Serving((RISK,), store=store, live={RISK: loaded[RISK]})
        client = serve(serving, home=settings.home, database_url=store.url, api_keys="off")
        client.headers.update(BROWSER)
        client.headers["x-token"] = form_token(client.get("/").text)  # for `decide`
        yield client, store, registry


def decide(client: httpx.Client, what: str, **changed: str) -> httpx.Response:
    form = FORM | changed | {"form_token": client.headers["x-token"]}
    return client.post(f"/console/specs/{RISK}/{what}", data=form)


def test_the_rollout_of_a_waiting_version_is_started(
    waiting: tuple[httpx.Client, Store, Registry],
) -> None:
    client, store, registry = waiting
    challenger = registry.aliases([RISK])[RISK]["challenger"].version
    page = client.get("/").text
    assert "1 thing needs a decision of yours" in page
    assert f"version {challenger} of {RISK} waits".lower() in page.lower()
    assert decide(client, "rollout", reason=" ").status_code == 422
    assert decide(client, "rollout").status_code == 303
    page = client.get("/").text
    assert f"version {challenger} has 1 % of every" in page
    assert "Nothing needs a decision of yours" in page
    entry = alias_history.newest(store, "challenger")[RISK]
    assert (entry.actor, entry.version) == ("zoe", challenger)
    assert "The rollout goes on" in client.get(f"/console/specs/{RISK}").text
    again = decide(client, "rollout")
    assert again.status_code == 409
    assert "text/html" in again.headers["content-type"]


def test_a_waiting_version_is_promoted_at_once(
    waiting: tuple[httpx.Client, Store, Registry],
) -> None:
    client, store, registry = waiting
    challenger = registry.aliases([RISK])[RISK]["challenger"].version
    assert decide(client, "promote").status_code == 303
    assert registry.aliases([RISK])[RISK]["champion"].version == challenger
    entry = alias_history.newest(store, "champion")[RISK]
    assert (entry.actor, entry.reason) == ("zoe", "better on October")
    assert f"version {challenger} is the champion." in client.get("/").text
    refused = decide(client, "promote")
    assert refused.status_code == 409
    assert "there is no @challenger" in refused.text


def test_data_that_breaks_its_contract_is_accepted_with_a_reason(
    waiting: tuple[httpx.Client, Store, Registry],
) -> None:
    client, store, _ = waiting
    command = f'runlore train {RISK} --accept-data "WHY"'
    asked = DecisionRequest(RISK, f"the retraining of {RISK} was refused: sizes moved", command)
    with store.begin() as connection:
        decisions.ask(connection, asked, instants.now())
    assert f"/console/specs/{RISK}/accept-data" in client.get("/").text
    assert decide(client, "accept-data", reason="sizes are in MB").status_code == 303
    assert "training 1 is wanted" in client.get("/").text
    [made] = requests.history(store, RISK)
    assert (made.wanted.actor, made.state) == ("zoe", "wanted")
    assert made.wanted.evidence[course.ACCEPT_DATA] == "zoe: sizes are in MB"


def test_a_rollout_is_held_resumed_and_stopped_with_a_reason(
    waiting: tuple[httpx.Client, Store, Registry],
) -> None:
    client, store, _ = waiting
    decide(client, "rollout")
    page = client.get("/").text
    assert f'action="/console/specs/{RISK}/hold"' in page
    assert f'formaction="/console/specs/{RISK}/stop"' in page
    assert decide(client, "hold", reason=" ").status_code == 422
    assert decide(client, "hold", back="/").headers["location"] == "/"
    assert "It waits for a person" in client.get(f"/console/specs/{RISK}").text
    assert f'action="/console/specs/{RISK}/resume"' in client.get("/").text
    answer = decide(client, "resume", back="//evil.example")
    assert answer.headers["location"] == f"/console/specs/{RISK}#rollout"
    assert decide(client, "stop").status_code == 303
    assert alias_history.newest(store, "challenger")[RISK].actor == "zoe"
    page = client.get("/").text
    assert "the rollout is over: the champion answers everything" in page
    assert "/hold" not in page


def test_a_rollout_is_ended_by_a_promotion(waiting: tuple[httpx.Client, Store, Registry]) -> None:
    client, _, registry = waiting
    challenger = registry.aliases([RISK])[RISK]["challenger"].version
    decide(client, "rollout")
    assert decide(client, "promote-now").status_code == 303
    assert registry.aliases([RISK])[RISK]["champion"].version == challenger


def test_an_input_that_looks_like_the_outcome_is_accepted_and_left_out_again(
    waiting: tuple[httpx.Client, Store, Registry],
) -> None:
    client, store, _ = waiting
    recording.record_submission(store, Submission("ann", "build", "", inputs={"queue": "long"}))
    assert decide(client, "accept-leak", input="no-such").status_code == 422
    assert decide(client, "accept-leak", input="queue", reason="set before").status_code == 303
    page = client.get(f"/console/specs/{RISK}").text
    assert "Accepted by zoe: set before" in page
    assert decide(client, "withdraw-leak", input="queue").status_code == 303
    assert "Accepted by" not in client.get(f"/console/specs/{RISK}").text
    assert decide(client, "withdraw-leak", input="queue").status_code == 409
