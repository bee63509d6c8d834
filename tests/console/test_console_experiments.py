"""The pages of A/B tests: what stands there, and the buttons."""

import uuid

import httpx

from runlore.experiments.actions import analysis, lifecycle
from runlore.experiments.actions.lifecycle import Attribution
from runlore.experiments.actions.plan import Plan
from runlore.experiments.queries.experiments import AbTest
from runlore.kernel import instants
from runlore.store.engine import Store
from tests.console.conftest import MakeKey, form_token, log_in
from tests.experiments import ab_world

PATH = "/console/experiments"
SCRIPT = "<img src=x onerror=alert(1)>"


def planned(store: Store, **changes: object) -> AbTest:
    by = Attribution("ann", ab_world.AT)
    return lifecycle.create(store, ab_world.plan(**changes), by)[0]


def post(client: httpx.Client, path: str, **form: str) -> httpx.Response:
    token = form_token(client.get(path.rpartition("/")[0]).text)
    return client.post(path, data={"form_token": token, "actor": "zoe", **form})


def watched(store: Store, **changes: object) -> AbTest:
    """A test with 400 units of which every second one of `b` converts, and none of `a`."""
    units = {f"u-{n}": "b" if n % 2 else "a" for n in range(400)}
    name = ab_world.given(store, units, **changes)
    events = [ab_world.event(f"e-{n}", f"u-{n}", at=ab_world.AT) for n in range(1, 400, 4)]
    ab_world.send(store, name, *events)
    by = Attribution("ann", ab_world.AT + 3 * ab_world.HOUR)
    analysis.analyse(store, name, by)
    return lifecycle.find(store, name)


def test_without_a_test_the_page_says_how_to_plan_one(console: httpx.Client) -> None:
    page = console.get(PATH).text
    assert "No A/B test is planned" in page
    assert "runlore ab create" in page


def test_a_test_is_started_analysed_and_stopped_by_name(
    console: httpx.Client, world: Store
) -> None:
    test = planned(world)
    path = f"{PATH}/{test.public_id}"
    assert "1 A/B test, none running" in console.get(PATH).text
    assert "It has not started." in console.get(path).text
    assert post(console, f"{path}/start").status_code == 422, "without a reason"
    assert post(console, f"{path}/start", reason="go").headers["location"] == path
    assert "1 A/B test, 1 running" in console.get(PATH).text
    assert "No decision yet." in console.get(path).text
    assert post(console, f"{path}/analyse").status_code == 303
    page = console.get(path).text
    assert "Look 1: not yet." in page, "the notice"
    assert "by zoe" in page
    assert post(console, f"{path}/stop", reason="enough").status_code == 303
    page = console.get(path).text
    assert "no variant won" in page
    assert "/stop" not in page, "what is over has no buttons"
    actions = analysis.status(world, test.public_id, instants.now()).actions
    assert [(one.action, one.actor) for one in actions][-2:] == [
        ("started", "zoe"),
        ("stopped", "zoe"),
    ]


def test_a_decided_test_shows_its_intervals_and_its_winner(
    console: httpx.Client, world: Store
) -> None:
    test = watched(world)
    assert test.winner == "b"
    page = console.get(f"{PATH}/{test.public_id}").text
    assert "one: It is over: b won." in page
    assert "success: difference from a" in page
    assert '<span class="badge good">better</span>' in page
    assert "50 %" in page


def test_effects_of_a_test_with_a_fixed_size_stay_hidden_until_it_is_decided(
    console: httpx.Client, world: Store
) -> None:
    rule = {"horizon": "fixed", "least_units": 5_000, "least_time_h": 1}
    test = watched(world, rule=rule)
    page = console.get(f"{PATH}/{test.public_id}").text
    assert "its effects are not shown" in page
    assert "difference from a" not in page
    assert "Beside the control" not in page


def test_what_is_no_test_is_not_found(console: httpx.Client) -> None:
    assert console.get(f"{PATH}/{uuid.uuid4()}").status_code == 404
    assert console.get(f"{PATH}/one").status_code == 404


def test_a_key_that_may_only_read_has_no_buttons_of_tests(
    locked: httpx.Client, make_key: MakeKey, world: Store
) -> None:
    test = planned(world)
    log_in(locked, make_key("read"))
    page = locked.get(f"{PATH}/{test.public_id}").text
    assert "/start" not in page
    form = {"form_token": form_token(page), "reason": "x"}
    assert locked.post(f"{PATH}/{test.public_id}/start", data=form).status_code == 403


def test_names_of_tests_are_escaped(console: httpx.Client, world: Store) -> None:
    plan = Plan.model_validate(
        {
            "name": SCRIPT,
            "variants": [{"name": f"a{SCRIPT}"}, {"name": f"b{SCRIPT}"}],
            "control": f"a{SCRIPT}",
            "metrics": [{"name": f"m{SCRIPT}", "event": f"e{SCRIPT}"}],
            "window_s": 3600,
        }
    )
    at = ab_world.AT
    test, _ = lifecycle.create(world, plan, Attribution(SCRIPT, at, SCRIPT))
    lifecycle.start(world, test.name, Attribution(SCRIPT, at, SCRIPT))
    lifecycle.assign(world, test.name, ["u-1", "u-2", "u-3"], at)
    analysis.analyse(world, test.name, Attribution(SCRIPT, at + 3 * ab_world.HOUR))
    for path in (PATH, f"{PATH}/{test.public_id}"):
        assert SCRIPT not in console.get(path).text
