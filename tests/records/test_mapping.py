"""What a mapping may say, and what it says about a header."""

import pytest

from runlore.kernel.errors import BadInput
from runlore.records.execution import ExecutionStatus
from runlore.records.mapping import (
    ColumnMapping,
    declare,
    resolve,
    split_source,
    status_words,
)

HEADER = ["run", "user", "queued_at", "branch", "cost"]


def test_a_document_becomes_a_mapping():
    mapping = declare(
        {
            "columns": {"id": "run", "actor": "user", "submitted": "queued_at"},
            "constants": {"kind": "build"},
            "inputs": ["branch"],
            "outcome": {"cost_usd": "cost"},
            "status": {"green": "succeeded"},
            "timezone": "Europe/Paris",
        }
    )
    assert dict(mapping.columns) == {
        "source_id": "run",
        "actor": "user",
        "submitted": "queued_at",
    }
    assert mapping.inputs == {"branch": "branch"}
    assert mapping.outcome == {"cost_usd": "cost"}
    assert mapping.statuses == {"green": ExecutionStatus.SUCCEEDED}


def test_a_mapping_file_may_name_its_source_and_only_by_a_word():
    assert split_source({"source": "ci", "inputs": "*"}) == ("ci", {"inputs": "*"})
    assert split_source({}) == (None, {})
    with pytest.raises(BadInput, match="source: 5 is not a name"):
        split_source({"source": 5})


def test_a_field_takes_the_column_of_its_name_unless_told_otherwise():
    mapping = declare({"columns": {"submitted": "queued_at"}})
    assert resolve(mapping, ["actor", "submitted", "queued_at"]).columns == {
        "actor": "actor",
        "submitted": "queued_at",
    }


def test_a_column_called_id_names_the_execution():
    assert resolve(ColumnMapping(), ["id", "submitted"]).columns["source_id"] == "id"


def test_a_star_makes_every_unused_column_an_input():
    mapping = declare(
        {"columns": {"submitted": "queued_at"}, "inputs": "*", "outcome": {"cost": "cost"}}
    )
    assert resolve(mapping, HEADER).inputs == {"run": "run", "user": "user", "branch": "branch"}


def test_without_inputs_no_column_is_one():
    assert resolve(declare({"columns": {"submitted": "queued_at"}}), HEADER).inputs == {}


def test_two_mappings_that_differ_have_two_digests():
    one = declare({"columns": {"submitted": "a"}, "inputs": ["x"]})
    other = declare({"columns": {"submitted": "a"}, "inputs": ["y"]})
    assert one.digest != other.digest
    assert one.digest == declare({"inputs": ["x"], "columns": {"submitted": "a"}}).digest


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"columns": {"who": "user"}}, "unknown field 'who'; fields of executions: id"),
        ({"column": {}}, "'column' is no part of a mapping"),
        ({"status": {"ok": "good"}}, "'good' is not succeeded, failed, cancelled"),
        ({"timezone": "Mars/Olympus"}, "'Mars/Olympus' is not a time zone"),
        ({"epoch": "minutes"}, "'minutes' is not s, ms or us"),
        ({"delimiter": "::"}, "'::' is not one character"),
        ({"columns": {"kind": "a"}, "constants": {"kind": "b"}}, "both a column and a constant"),
        ({"records": "metrics", "inputs": ["a"]}, "metrics have no inputs"),
        ({"records": "logs"}, "'logs' is neither executions nor metrics"),
        ({"inputs": 3}, "3 is neither a list of columns nor a table"),
        ({"outcome": "*"}, "'*' is for inputs only"),
        ({"columns": ["a"]}, "is not a table of field = value"),
    ],
)
def test_a_wrong_mapping_is_refused_with_the_reason(document, message):
    with pytest.raises(BadInput, match=message.replace("*", r"\*")):
        declare(document)


def test_a_column_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(BadInput, match="no column 'owner'; there are run, user, queued_at"):
        resolve(declare({"columns": {"actor": "owner", "submitted": "queued_at"}}), HEADER)


def test_executions_need_a_column_for_when_they_were_submitted():
    with pytest.raises(
        BadInput, match="submitted: no column is mapped to it; say --map submitted="
    ):
        resolve(ColumnMapping(), HEADER)


def test_common_words_for_a_status_need_no_mapping():
    words = status_words()
    assert words["success"] is ExecutionStatus.SUCCEEDED
    assert words["timed_out"] is ExecutionStatus.FAILED
    assert words["canceled"] is ExecutionStatus.CANCELLED
    assert words["in_progress"] is ExecutionStatus.RUNNING
    assert "0" not in words
