"""The worked example in the documentation gives the numbers that stand there."""

import doctest
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "features.md"


def test_the_example_of_the_document_gives_its_numbers():
    told = doctest.testfile(
        str(DOCUMENT), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert told.attempted > 10
    assert not told.failed
