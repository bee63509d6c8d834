"""A federated training as Prefect runs it: paid once, resumed after a crash, registered."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.federated import federate
from runlore.app import App, open_app
from runlore.engagement import federated_views
from runlore.engagement.actions import federated, federated_publishing
from runlore.engagement.queries.contexts import ContextQuery, read_final_contexts
from runlore.privacy.actions.opt_outs import set_opt_out
from runlore.privacy.queries.opt_outs import OptOut
from runlore.privacy.rules.federated.policy import FederatedPolicy
from runlore.simulate.content import ContentScenario
from runlore.store.engine import Store
from tasks.edge import lent
from tests.engagement.posts import write_posts

pytestmark = pytest.mark.slow

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
PERSONAS = 150
WORLD = ContentScenario(
    personas=PERSONAS, days=40, posts_per_day=0.3, persona_sd=0.2, media=0.9, zoned=False
)
POLICY = FederatedPolicy(epsilon=0.9, rounds=2)
TABLES = ("releases", "clients")


@pytest.fixture(scope="module")
def app(home: Path) -> Iterator[App]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNLORE_PRIVACY_EPSILON", "10")
        with open_app() as opened, lent(opened):
            write_posts(opened.store, WORLD)
            yield opened


def request(app: App, policy: FederatedPolicy) -> int:
    return federated.request_training(app.store, policy, "ann", AS_OF, AS_OF).id


def spent(app: App) -> list[tuple[Any, ...]]:
    with app.store.connect() as connection:
        query = "SELECT persona, rho_spent FROM runlore.privacy_budgets ORDER BY persona"
        return connection.execute(query).fetchall()


def test_it_is_charged_once_and_goes_on_where_it_was_cut_off(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_opt_out(app.store, OptOut(AS_OF, "persona-01", True, "cli", ""))
    training = request(app, replace(POLICY, epsilon=9.0))
    with monkeypatch.context() as patch:
        patch.setattr(federated, "close", _cut_off)
        patch.setattr(federated, "finish_round", _then_one_leaves(federated.finish_round))
        with pytest.raises(RuntimeError, match="killed"):
            federate(training)
    half_way = federated_views.show_training(app.store, training)
    paid = spent(app)
    assert half_way.status == "running"
    assert left(app, training) == {f"persona-0{number}" for number in (3, 4, 5)}
    assert [one.part for one in half_way.releases] == ["opening", "mean", "round", "round"]
    set_opt_out(app.store, OptOut(AS_OF, "persona-02", True, "cli", ""))
    outcome = federate(training)
    ended = federated_views.show_training(app.store, training)
    assert ended.releases[:4] == half_way.releases
    assert spent(app) == paid
    assert len({rho for _, rho in paid}) == 1
    names = {persona for persona, _ in paid}
    assert "persona-01" not in names
    assert "persona-02" in names
    assert ended.status == "done", ended.reason
    assert outcome["version"] == ended.version == "1"
    assert left(app, training) == {f"persona-0{number}" for number in (2, 3, 4, 5)}
    _check_registered(app, training)


def left(app: App, training: int) -> set[str]:
    with app.store.connect() as connection:
        query = (
            "SELECT persona FROM runlore.federated_clients WHERE training_id = %s AND reason = %s"
        )
        rows = connection.execute(query, (training, federated.LEFT)).fetchall()
    return {persona for (persona,) in rows}


def _then_one_leaves(finish: Callable[..., Any]) -> Callable[..., Any]:
    """After each round another persona opts out: 3, 4 and, before the closing, 5."""
    names = iter(("persona-03", "persona-04", "persona-05"))

    def finish_round(store: Store, *others: object) -> Any:
        opened = finish(store, *others)
        set_opt_out(store, OptOut(AS_OF, next(names), True, "cli", ""))
        return opened

    return finish_round


def _cut_off(*_: object) -> None:
    raise RuntimeError("killed")


def _check_registered(app: App, training: int) -> None:
    model = federated_publishing.federated_prior(app.champion_files)
    assert model is not None
    contexts = read_final_contexts(app.store, ContextQuery(as_of=AS_OF))
    no_posts = contexts.iloc[:0]
    errors = [
        np.abs(np.log1p(rates) - np.log1p(contexts["engagement_rate"])).mean()
        for rates in (model.predict(contexts), np.full(len(contexts), 3.0))
    ]
    assert errors[0] < errors[1]
    first = contexts[contexts["persona"] == contexts["persona"].iloc[0]]
    alone = model.predict_for_persona(first, no_posts)
    np.testing.assert_allclose(alone, model.predict(first))
    assert not np.allclose(model.predict_for_persona(first, first), alone)
    files = app.champion_files("engagement-federated")
    assert files is not None
    _check_graph(files.folder, model, contexts)


def _check_graph(folder: Path, model: Any, contexts: Any) -> None:
    import onnxruntime

    from runlore.engagement.rules.federated.inputs import federated_features, rates_of

    session = onnxruntime.InferenceSession(folder / "model.onnx")
    rows = federated_features(contexts).astype(np.float32)
    answers = session.run(None, {"input": rows})[0][:, 0]
    np.testing.assert_allclose(rates_of(answers), model.predict(contexts), rtol=1e-3)
    document = json.loads((folder / "federated.json").read_text())
    assert document["policy"]["epsilon"] == 9.0


def test_too_little_budget_or_too_many_trainings_are_refused(app: App) -> None:
    before = spent(app)
    training = request(app, replace(POLICY, epsilon=9.5))
    state = federate(training, return_state=True)
    assert "budget" in (state.message or "")
    ended = federated_views.show_training(app.store, training)
    assert (ended.status, ended.releases) == ("refused", [])
    assert spent(app) == before
    assert federate(None, return_state=True).message == "nothing to do: no federated training waits"


def test_a_model_that_is_not_shown_to_gain_is_refused(app: App) -> None:
    training = request(app, replace(POLICY, epsilon=0.05))
    with app.store.connect() as connection:
        connection.execute("DELETE FROM runlore.privacy_budgets")
    state = federate(training, return_state=True)
    assert state.is_failed()
    ended = federated_views.show_training(app.store, training)
    assert ended.status == "refused"
    assert ended.version is None
