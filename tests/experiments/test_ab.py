"""A/B tests on a real database: what counts, and what it comes to."""

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import numpy as np
import pytest
from scipy.stats import norm
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from runlore.cli.experiments.output import show_status
from runlore.experiments.actions import analysis, lifecycle
from runlore.experiments.actions.lifecycle import Attribution, SeenUnit
from runlore.experiments.actions.plan import Plan
from runlore.experiments.queries.experiments import AbTest
from runlore.experiments.queries.statistics import observe
from runlore.experiments.rules.analysis import Observed
from runlore.experiments.rules.sketch import Sketch, sketch_of
from runlore.experiments.views.report import status_document
from runlore.kernel.errors import BadInput, Refused
from runlore.kernel.moments import Moments, moments_of
from runlore.store.engine import Store
from tests.experiments.ab_world import ANN, AT, HOUR, SUCCESS, event, given, plan, running, send


def values(store: Store, name: str, at: datetime = AT + HOUR) -> dict[str, tuple[int, float]]:
    """Variant -> units that are known, and their mean, of the first metric."""
    found = analysis.status(store, name, at)
    metric = found.test.design.metrics[0].name
    moments = {key: each.metrics[metric] for key, each in found.observed.items()}
    return {key: (m.n, m.means[0]) for key, m in moments.items() if isinstance(m, Moments)}


def test_a_unit_keeps_its_variant_while_exposure_rises(store: Store) -> None:
    name = running(store, exposure=0.2)
    units = [f"u{number}" for number in range(2000)]
    before = {e.unit: e.variant for e in lifecycle.assign(store, name, units, AT) if e.is_in_test}
    assert 300 < len(before) < 500
    lifecycle.expose(store, name, 0.6, Attribution("ann", AT + HOUR, "no harm"))
    after = {
        e.unit: e.variant for e in lifecycle.assign(store, name, units, AT + HOUR) if e.is_in_test
    }
    assert before.items() <= after.items()
    assert 1100 < len(after) < 1300
    with pytest.raises(BadInput, match="below"):
        lifecycle.expose(store, name, 0.5, ANN)


def test_the_first_sight_of_a_unit_is_what_counts(store: Store) -> None:
    name = running(store)
    [first] = lifecycle.assign(store, name, ["u"], AT)
    [again] = lifecycle.assign(store, name, ["u"], AT + HOUR)
    assert again == first
    assert again.exposed_at == AT


def test_tests_of_one_group_share_no_unit(store: Store) -> None:
    units = [f"u{number}" for number in range(1000)]
    group = {"name": "home", "share": 0.5}
    taken = []
    for number in range(2):
        name = running(store, name=f"test {number}", group=group)
        taken.append({e.unit for e in lifecycle.assign(store, name, units, AT) if e.is_in_test})
    assert taken[0] & taken[1] == set()
    assert taken[0] | taken[1] == set(units)
    with pytest.raises(Refused, match="home"):
        lifecycle.create(store, plan(name="third", group=group), ANN)
    lifecycle.stop(store, "test 0", ANN)
    assert lifecycle.create(store, plan(name="third", group=group), ANN)[1]


def test_the_database_itself_keeps_the_design_of_what_has_started(store: Store) -> None:
    name = running(store)
    changes = ("design = '{}'", "plan = '{}'", "exposure = 0.1", "started_at = NULL")
    for change in changes:
        with pytest.raises(DBAPIError, match="its design stays"), store.begin() as connection:
            connection.execute(text(f"UPDATE runlore.ab_tests SET {change}"))
    analysis.analyse(store, name, Attribution("ann", AT + HOUR))
    for table in ("ab_analyses", "ab_actions"):
        with pytest.raises(DBAPIError, match="only ever added"), store.begin() as connection:
            connection.execute(text(f"DELETE FROM runlore.{table}"))


def test_another_plan_of_a_name_is_refused_unless_it_is_to_replace_the_first(store: Store) -> None:
    first, _ = lifecycle.create(store, plan(), ANN)
    assert lifecycle.create(store, plan(), ANN) == (first, False)
    with pytest.raises(Refused, match="planned already, with another plan"):
        lifecycle.create(store, plan(description="better"), ANN)
    assert lifecycle.find(store, "one") == first
    made, is_new = lifecycle.create(store, plan(description="better"), ANN, may_replace=True)
    assert (made.plan["description"], made.public_id, is_new) == ("better", first.public_id, True)
    lifecycle.start(store, "one", ANN)
    with pytest.raises(Refused, match="has started with another plan"):
        lifecycle.create(store, plan(), ANN, may_replace=True)


def test_events_count_once_whatever_the_batch_and_the_order(store: Store) -> None:
    name = given(store, {"x": "a", "y": "b"}, metrics=[{**SUCCESS, "kind": "mean", "take": "sum"}])
    events = [event(f"e{n}", "x", float(n), at=AT + n * HOUR / 100) for n in range(5)]
    assert send(store, name, *events[3:]).added == 2
    assert send(store, name, *events, events[0]).added == 3
    done = send(store, name, *events)
    assert (done.added, done.duplicates, done.rejected) == (0, 5, 0)
    assert values(store, name)["a"] == (1, 10.0)


def test_an_id_that_was_used_for_another_event_is_a_reject(store: Store) -> None:
    name = given(store, {"x": "a", "y": "b"})
    send(store, name, event("e", "x"))
    done = send(store, name, event("e", "x", 2.0), event("e2", "nobody"))
    assert done.faults == {
        "id: was used for another event": 1,
        "unit: was not assigned in this test": 1,
    }


def test_overlapping_batches_sent_at_once_count_each_event_once(store: Store) -> None:
    units = {f"u{i}": "ab"[i % 2] for i in range(40)}
    name = given(store, units, metrics=[{**SUCCESS, "kind": "mean", "take": "sum"}])
    events = [event(f"e{i}", f"u{i % 40}", float(i)) for i in range(800)]
    rng = np.random.default_rng(3)
    batches = [[events[i] for i in rng.permutation(800)[:500]] for _ in range(12)] + [events]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda batch: send(store, name, *batch), batches))
    assert sum(each.added for each in done) == 800
    assert sum(each.rejected for each in done) == 0
    expected = np.arange(800.0).reshape(20, 40).sum(axis=0)
    found = values(store, name)
    assert found == {"a": (20, expected[::2].mean()), "b": (20, expected[1::2].mean())}


def test_late_events_count_also_after_the_end_when_they_happened_before(store: Store) -> None:
    name = given(store, {"x": "a", "y": "b"})
    lifecycle.stop(store, name, Attribution("ann", AT + HOUR))
    later = AT + 2 * HOUR
    done = send(
        store,
        name,
        event("1", "x", at=AT + HOUR / 2),
        event("2", "x", at=AT + 1.5 * HOUR),
        at=later,
    )
    assert (done.added, done.faults) == (1, {"at: is after the end of the test": 1})


def test_late_events_of_a_test_that_is_over_are_in_its_status_and_not_in_its_last_look(
    store: Store,
) -> None:
    name = given(store, {"x": "a", "y": "b"})
    last = analysis.analyse(store, name, Attribution("ann", AT + HOUR / 2))
    lifecycle.stop(store, name, Attribution("ann", AT + HOUR))
    send(store, name, event("1", "x", at=AT + HOUR / 4), at=AT + 2 * HOUR)
    assert values(store, name, AT + 2 * HOUR)["a"] == (1, 1.0)
    assert analysis.analyse(store, name, Attribution("ann", AT + 2 * HOUR)) == last
    assert last.evidence["a"]["metrics"]["success"]["means"] == [0.0]


def test_with_a_window_a_unit_is_judged_when_it_is_over(store: Store) -> None:
    name = given(store, {"x": "a", "y": "b"}, window_s=1800)
    done = send(store, name, event("1", "x", at=AT + HOUR / 4), event("2", "x", at=AT + HOUR))
    assert done.faults == {"at: is after the unit's time in the test": 1}
    assert values(store, name, AT + HOUR / 4)["a"][0] == 0
    assert values(store, name, AT + HOUR)["a"] == (1, 1.0)


@pytest.mark.parametrize(
    ("take", "expected"),
    [
        ("any", (2, 0.5)),
        ("count", (2, 1.5)),
        ("sum", (2, 3.0)),
        ("mean", (1, 2.0)),
        ("last", (1, 1.0)),
        ("most", (1, 3.0)),
        ("least", (1, 1.0)),
    ],
)
def test_what_a_units_events_come_to(store: Store, take: str, expected: tuple[int, float]) -> None:
    kind = "proportion" if take == "any" else "mean"
    metric = {**SUCCESS, "take": take, "kind": kind}
    name = given(store, {"x": "a", "z": "a", "y": "b"}, metrics=[metric])
    for number, (value, minute) in enumerate([(2.0, 5), (1.0, 9), (3.0, 7)]):
        send(store, name, event(str(number), "x", value, at=AT + timedelta(minutes=minute)))
    assert values(store, name)["a"] == expected


def test_statistics_are_those_of_the_units_in_numpy(store: Store) -> None:
    """A ratio with a covariate, and a quantile; far from 0, where digits get lost."""
    rng = np.random.default_rng(7)
    n = 300
    spent = 1e6 + rng.gamma(2.0, 3.0, n)
    before, seen = rng.gamma(2.0, 3.0, n), rng.integers(1, 5, n)
    metrics = [
        {**SUCCESS, "kind": "ratio", "take": "sum", "per": "view", "has_covariate": True},
        {
            "name": "median",
            "event": "conversion",
            "kind": "quantile",
            "take": "sum",
            "role": "secondary",
        },
    ]
    name = given(store, {f"u{i}": "ab"[i % 2] for i in range(n)}, metrics=metrics)
    for i in range(n):
        views = [{"id": f"v{i}/{k}", "unit": f"u{i}", "event": "view"} for k in range(seen[i])]
        early = event(f"b{i}", f"u{i}", before[i], at=AT - HOUR)
        send(store, name, event(f"s{i}", f"u{i}", spent[i]), early, *views)
    found = analysis.status(store, name, AT + HOUR).observed
    for at, variant in enumerate("ab"):
        of = slice(at, n, 2)
        expected = moments_of(spent[of], seen[of], before[of])
        moments = found[variant].metrics["success"]
        assert isinstance(moments, Moments)
        assert moments.means == pytest.approx(expected.means, rel=1e-12)
        assert np.allclose(moments.products, expected.products, rtol=1e-6)
        sketch = found[variant].metrics["median"]
        assert isinstance(sketch, Sketch)
        assert sketch == sketch_of(spent[of])


def test_looks_are_counted_and_kept_with_what_they_were_made_from(store: Store) -> None:
    name = given(store, {f"u{i}": "ab"[i % 2] for i in range(200)})
    analysis.status(store, name, AT + HOUR)
    first = analysis.analyse(store, name, Attribution("ann", AT + HOUR / 2))
    assert (first.look, first.answer, first.is_final) == (1, "not yet", False)
    assert "0.5 h" in " ".join(first.analysis["reasons"])
    send(store, name, *(event(f"e{i}", f"u{i}") for i in range(1, 200, 2)))
    second = analysis.analyse(store, name, Attribution("ann", AT + HOUR))
    assert (second.look, second.winner, second.is_final) == (2, "b", True)
    assert second.evidence["b"]["metrics"]["success"]["means"] == [1.0]
    assert analysis.analyse(store, name, Attribution("bob", AT + 2 * HOUR)) == second
    _, looks = analysis.looks(store, name)
    assert looks == [first, second]


def test_a_fixed_horizon_hides_effects_until_it_decides_once(store: Store) -> None:
    rule = {"horizon": "fixed", "least_units": 100, "least_time_h": 0}
    name = given(store, {f"u{i}": "ab"[i % 2] for i in range(200)}, rule=rule)
    send(store, name, *(event(f"e{i}", f"u{i}") for i in range(0, 200, 3)))
    status = analysis.status(store, name, AT + HOUR)
    assert not status.is_open_book
    look = analysis.analyse(store, name, Attribution("ann", AT + HOUR))
    assert (look.answer, look.is_final) == ("no winner", True)
    assert 0.5 < look.analysis["chi_square"]["success"] <= 1.0
    assert analysis.status(store, name, AT + HOUR).is_open_book


def test_figures_for_one_look_stand_beside_those_for_any(store: Store) -> None:
    name = given(store, {f"u{i}": "ab"[i % 2] for i in range(2000)})
    send(store, name, *(event(f"e{i}", f"u{i}") for i in range(2000) if i % 20 in (1, 3, 5, 6, 8)))
    [fixed] = analysis.status(store, name, AT + HOUR).fixed
    assert fixed.method == "two-proportion z"
    assert fixed.effect_size == pytest.approx(2 * (math.asin(0.3**0.5) - math.asin(0.2**0.5)))
    z = 0.1 / math.sqrt(0.25 * 0.75 * 2 / 1000)
    assert fixed.p_value == pytest.approx(2 * norm.sf(z))
    assert fixed.p_value == pytest.approx(fixed.chi_square_p or 0, rel=1e-6)
    apart = norm.ppf(0.975) + norm.ppf(0.8)
    assert fixed.units_needed == math.ceil(2 * (apart / fixed.effect_size) ** 2)
    assert fixed.power > 0.99


def test_of_means_far_apart_two_units_are_enough(store: Store) -> None:
    """Ten standard deviations apart, where the library's power is NaN at some effects."""
    metric = {**SUCCESS, "kind": "mean", "take": "sum"}
    name = given(store, {f"u{i}": "ab"[i % 2] for i in range(600)}, metrics=[metric])
    rng = np.random.default_rng(8)
    noise = rng.standard_normal(600)
    rows = [event(f"e{i}", f"u{i}", 9.8 * (i % 2) + noise[i]) for i in range(600)]
    send(store, name, *rows)
    [fixed] = analysis.status(store, name, AT + HOUR).fixed
    assert 9 < abs(fixed.effect_size) < 10
    assert fixed.units_needed == 2
    assert analysis.analyse(store, name, Attribution("ann", AT + HOUR)).winner == "b"


def test_a_test_that_cannot_be_looked_at_keeps_no_other_from_its_look(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second"):
        given(store, {"x": "a", "y": "b"}, name=name)
    observe_one = analysis._observe

    def broken(connection: Connection, test: AbTest, at: datetime) -> dict[str, Observed]:
        if test.name == "first":
            raise ValueError("a bug")
        return observe_one(connection, test, at)

    monkeypatch.setattr(analysis, "_observe", broken)
    with pytest.raises(ValueError, match="a bug"):
        analysis.analyse_running(store, Attribution("ann", AT + HOUR))
    looks = {name: len(analysis.looks(store, name)[1]) for name in ("first", "second")}
    assert looks == {"first": 0, "second": 1}


@pytest.mark.parametrize("horizon", ["anytime", "fixed"])
def test_units_of_one_and_the_same_value_decide_nothing(store: Store, horizon: str) -> None:
    name = given(
        store,
        {f"u{number}": "a" if number % 10 < 3 else "b" for number in range(1000)},
        variants=[{"name": "a", "weight": 3}, {"name": "b", "weight": 7}],
        metrics=[{"name": "cost", "event": "conversion", "kind": "mean", "take": "last"}],
        rule={"least_units": 50, "least_time_h": 1, "horizon": horizon},
    )
    send(store, name, *(event(f"e{number}", f"u{number}", 0.1) for number in range(1000)))
    look = analysis.analyse(store, name, Attribution("ann", AT + HOUR))
    assert look.evidence["a"]["metrics"]["cost"] != look.evidence["b"]["metrics"]["cost"]
    [found] = look.analysis["comparisons"]
    assert (look.winner, found["p_value"]) == (None, 1.0)


def test_units_that_come_with_a_variant_keep_the_first_one(store: Store) -> None:
    name = given(store, {"x": "a", "y": "b"})
    done = lifecycle.sight(
        store, name, [SeenUnit("x", "b", AT), SeenUnit("n", "c", AT), SeenUnit("m", "b", AT)], AT
    )
    assert (done.taken, done.known) == (1, 1)
    assert [(place, reason.partition(":")[0]) for place, _, reason in done.rejects] == [
        (0, "variant"),
        (1, "variant"),
    ]


def test_units_that_met_both_variants_leave_a_mark(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    name = given(store, {"x": "a", "y": "b", "z": "b"})
    assert analysis.status(store, name, AT).crossed == {}
    for _ in range(2):
        lifecycle.sight(store, name, [SeenUnit("x", "b", AT), SeenUnit("z", "b", AT)], AT)
    status = analysis.status(store, name, AT)
    assert status.crossed == {"a": 1}
    show_status(status, json=False)
    assert "1 of 3 units (33.3%) met more than one variant" in capsys.readouterr().out
    both = [SeenUnit("new", "a", AT), SeenUnit("new", "b", AT)]
    lifecycle.sight(store, name, both, AT)
    assert analysis.status(store, name, AT).crossed == {"a": 2}
    assert [v["crossed"] for v in status_document(status)["variants"]] == [1, 0]


def test_one_analysis_reads_units_not_events(store: Store) -> None:
    name = given(store, {"x": "a", "y": "b"})
    for batch in range(20):
        send(store, name, *(event(f"{batch}/{n}", "x") for n in range(50)))
    with store.begin() as connection:
        rows = connection.scalar(text("SELECT count(*) FROM runlore.ab_outcomes"))
        test = lifecycle.known(connection, name)
        chosen = Plan.model_validate(test.plan)
        metric = test.design.metrics[0]
        seen = observe(connection, test.id, metric, chosen.measures[metric.name], AT + HOUR)
    assert rows == 1
    assert seen["a"] == moments_of([1.0])
