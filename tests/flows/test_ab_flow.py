"""A/B tests as Prefect looks at them: each by itself, with its page and its alert."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter

from flows.experiments import ab
from runlore import settings
from runlore.alerts.queries import alerts
from runlore.experiments.actions import analysis
from runlore.experiments.actions import lifecycle as tests_of_people
from runlore.experiments.actions.lifecycle import Attribution, SeenUnit
from runlore.experiments.actions.plan import Plan
from runlore.kernel.instants import parse
from runlore.store.engine import Store, open_store

pytestmark = pytest.mark.slow
BEGAN = parse("2026-03-02T08:00:00Z")
LATER = (BEGAN + timedelta(hours=3)).isoformat()
ANN = Attribution("ann", BEGAN)


def begin(store: Store, name: str, treated: int) -> None:
    """A test of two equal shares, in which so many of 1,000 units were given the new variant."""
    plan = {
        "name": name,
        "units": "given",
        "variants": [{"name": "old"}, {"name": "new"}],
        "control": "old",
        "metrics": [{"name": "click", "kind": "proportion", "event": "click"}],
        "window_s": 3600,
    }
    tests_of_people.create(store, Plan.model_validate_json(json.dumps(plan)), ANN)
    tests_of_people.start(store, name, ANN)
    units = [SeenUnit(f"u{n}", "new" if n < treated else "old", BEGAN) for n in range(1_000)]
    tests_of_people.sight(store, name, units, BEGAN)


def pages() -> dict[str, str]:
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter())
    return {each.key: str(each.data) for each in found if each.key}


def test_every_running_test_is_looked_at_and_a_wrong_ratio_is_an_alert(home: Path) -> None:
    with open_store(settings.read()) as store:
        begin(store, "Fair one", 500)
        begin(store, "lopsided", 700)
        assert ab(LATER) == {"Fair one": "look 1: not yet", "lopsided": "look 1: invalid"}
        with store.begin() as connection:
            assert alerts.last(connection, "sample-ratio", "lopsided") is not None
            assert alerts.last(connection, "sample-ratio", "Fair one") is None
        _, looks = analysis.looks(store, "Fair one")
        assert [(each.look, each.actor) for each in looks] == [(1, "ab flow")]
    told = pages()
    assert "lopsided, look 1: invalid" in told["ab-lopsided"]
    assert "| click | new |" in told["ab-fair-one"]


def test_a_test_that_cannot_be_looked_at_keeps_no_other_from_its_look(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyse = analysis.analyse

    def broken(store: Store, name: str, by: Attribution) -> analysis.RecordedLook:
        if name == "Fair one":
            raise ValueError("a bug")
        return analyse(store, name, by)

    monkeypatch.setattr(analysis, "analyse", broken)
    with pytest.raises(ValueError, match="a bug"):
        ab(LATER)
    with open_store(settings.read()) as store:
        assert len(analysis.looks(store, "lopsided")[1]) == 2
