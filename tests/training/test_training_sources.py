"""A model learns from the executions of the sources that were chosen, with the features of all."""

from dataclasses import replace

import numpy as np

from runlore.training.actions.extraction import extract
from runlore.training.rules import card
from tests.flows import quick_specs
from tests.ingest.csv_log import HEADER, Log, row
from tests.training.test_card import FACTS

LEAST = replace(quick_specs.RISK, split=replace(quick_specs.RISK.split, least_rows=50))


def two_sources(store, tmp_path):
    for name, numbers in (("builds", range(0, 400, 2)), ("nights", range(1, 400, 2))):
        rows = [HEADER, *(row(number) for number in numbers)]
        Log(store, tmp_path / f"{name}.csv", rows).ingest(source=name)


def test_rows_are_of_the_chosen_source_and_their_histories_of_all(store, tmp_path):
    two_sources(store, tmp_path)
    every, builds = extract(store, LEAST), extract(store, LEAST.of_sources(["builds"]))

    assert (every.row_sources, builds.row_sources) == (("builds", "nights"), ("builds",))
    assert (len(every.data), len(builds.data)) == (400, 200)
    of_builds = every.data.slices["source"] == "builds"
    assert np.array_equal(
        builds.data.rows.view(np.int32), every.data.rows[of_builds].view(np.int32)
    )
    assert "source" not in builds.data.slices


def test_without_a_choice_the_spec_stays_as_it_is():
    assert LEAST.of_sources([]) is LEAST
    assert repr(LEAST.of_sources(["a"]).population) == repr(LEAST.population)


def test_the_card_names_the_sources():
    every = card.render(replace(FACTS, sources=("builds", "nights")))
    only = card.render(replace(FACTS, sources=("builds",), spec=FACTS.spec.of_sources(["builds"])))
    assert "- Sources: builds, nights" in every
    assert "- Sources only: builds" in only
    assert "Sources" not in card.render(FACTS)
