"""Specs that settings name."""

import pytest

from runlore.kernel.errors import Misconfigured
from runlore.settings import Settings
from runlore.specs import loading


def test_a_name_of_before_the_move_still_names_the_spec() -> None:
    settings = Settings(specs=("runlore.models.catalog.failure_risk",))
    assert [spec.name for spec in loading.every(settings)] == ["failure-risk"]


def test_a_spec_that_cannot_be_loaded_is_named_with_the_way_to_write_it() -> None:
    with pytest.raises(Misconfigured, match=r"'nowhere:SPEC' cannot be loaded .*module:NAME"):
        loading.every(Settings(specs=("nowhere:SPEC",)))
