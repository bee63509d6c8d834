"""Traps in exports of Airflow: one row each."""

import pytest

from tests.ingest.pipeline_logs import read_export

RUN = "scheduled__2026-10-01T00:00:00+00:00"
DAY = "2026-10-02T"


def instance(**changes):
    """A task instance as the REST API returns it."""
    return {
        "dag_id": "etl",
        "dag_run_id": RUN,
        "task_id": "load",
        "map_index": -1,
        "try_number": 1,
        "max_tries": 2,
        "state": "success",
        "queued_when": f"{DAY}00:00:03+00:00",
        "scheduled_when": f"{DAY}00:00:01+00:00",
        "run_after": "2026-10-01T23:00:00Z",
        "start_date": f"{DAY}00:00:05+00:00",
        "end_date": f"{DAY}00:04:05+00:00",
        "duration": 240.0,
        "operator": "PythonOperator",
        "pool": "default_pool",
        "pool_slots": 2,
        "queue": "default",
        "priority_weight": 5,
        "hostname": "worker-1",
        "rendered_fields": {"sql": "SELECT a sentence that nobody wants to keep"},
        "note": "free text",
    } | changes


LATER = instance(task_id="other", end_date=f"{DAY}09:00:00Z")
ID = f"etl/{RUN}/load/-1/1"
TRAPS = {
    "a try that ended": ({}, {ID: ("succeeded", "00:00:03", "00:00:05", "00:04:05")}, {}),
    "the Z of version 3": (
        {"end_date": f"{DAY}00:04:05Z"},
        {ID: ("succeeded", "00:00:03", "00:00:05", "00:04:05")},
        {},
    ),
    "capitals, as of AWS": (
        {"state": "FAILED"},
        {ID: ("failed", "00:00:03", "00:00:05", "00:04:05")},
        {},
    ),
    "a failed try that will be retried": (
        {"state": "up_for_retry"},
        {ID: ("failed", "00:00:03", "00:00:05", "00:04:05")},
        {},
    ),
    "queued again after a deferral": (
        {"queued_when": f"{DAY}00:03:00+00:00"},
        {ID: ("succeeded", "00:00:05", "00:00:05", "00:04:05")},
        {},
    ),
    "a mapped task": (
        {"map_index": 7},
        {f"etl/{RUN}/load/7/1": ("succeeded", "00:00:03", "00:00:05", "00:04:05")},
        {},
    ),
    "a negative duration beside good times": (
        {"duration": -5.0},
        {ID: ("succeeded", "00:00:03", "00:00:05", "00:04:05")},
        {},
    ),
    "no end but a duration": (
        {"end_date": None},
        {ID: ("succeeded", "00:00:03", "00:00:05", "00:04:05")},
        {},
    ),
    "never queued": (
        {"queued_when": None, "scheduled_when": None},
        {ID: ("succeeded", "00:00:05", "00:00:05", "00:04:05")},
        {},
    ),
    "failed in the queue, without a start": (
        {"state": "failed", "start_date": None, "duration": None},
        {ID: ("failed", "00:00:03", None, "00:04:05")},
        {},
    ),
    "running for an hour": (
        {"state": "running", "end_date": None, "duration": None},
        {ID: ("running", "00:00:03", "00:00:05", None)},
        {},
    ),
    "running for a second, may be deferred yet": (
        {"state": "running", "start_date": f"{DAY}09:00:00Z", "queued_when": f"{DAY}08:59:59Z"},
        {},
        {"tasks that have just started or were resumed, and may be deferred": 1},
    ),
    "running again after a deferral": (
        {"state": "running", "queued_when": f"{DAY}02:00:00Z", "end_date": None},
        {},
        {"tasks that have just started or were resumed, and may be deferred": 1},
    ),
    "skipped": ({"state": "skipped"}, {}, {"tasks that Airflow skipped": 1}),
    "upstream failed": (
        {"state": "upstream_failed"},
        {},
        {"tasks whose upstream failed": 1},
    ),
    "removed": ({"state": "removed"}, {}, {"tasks that were removed from their DAG": 1}),
    "no state": (
        {"state": None, "start_date": None, "end_date": None},
        {},
        {"tasks that have not started": 1},
    ),
    "cleared: no state, but the times of the last try": (
        {"state": None},
        {},
        {"tasks that have not started": 1},
    ),
    "queued": ({"state": "queued"}, {}, {"tasks that have not started": 1}),
    "deferred": (
        {"state": "deferred", "end_date": None},
        {},
        {"tasks that wait, deferred or to be rescheduled": 1},
    ),
    "restarting": ({"state": "restarting"}, {}, {"tasks that have not started": 1}),
    "set to failed from outside while it was being started": (
        {"state": "failed", "start_date": f"{DAY}00:09:00Z", "duration": -295.0},
        {},
        {"tasks whose state was set from outside before they started": 1},
    ),
    "marked as successful by hand": (
        {"state": "success", "start_date": None},
        {},
        {"tasks marked as successful that never ran": 1},
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_what_a_task_instance_is(trap, tmp_path):
    changes, expected, skipped = TRAPS[trap]
    page = {"task_instances": [LATER, instance(**changes)], "total_entries": 2}
    export = read_export(tmp_path, "airflow", page)
    assert export.reasons == []
    assert export.skipped == skipped
    times = ("status", "submitted", "started", "finished")
    other = f"etl/{RUN}/other/-1/1"
    assert {
        name: tuple(row[time] for time in times)
        for name, row in export.executions.items()
        if name != other
    } == expected


def test_a_time_of_queueing_that_cannot_be_read_is_a_reject(tmp_path):
    export = read_export(tmp_path, "airflow", [instance(queued_when="bad"), LATER])
    assert export.reasons == ["submitted: 'bad' is not an instant"]
    unknown = read_export(tmp_path, "airflow", [instance(queued_when=None), LATER])
    assert unknown.reasons == []


def test_an_unknown_state_is_a_reject_that_names_it(tmp_path):
    export = read_export(tmp_path, "airflow", [instance(state="on_fire")])
    assert export.reasons == ["status 'on_fire' is unknown"]


def test_a_start_that_cannot_be_read_is_a_reject_and_not_a_task_that_never_ran(tmp_path):
    export = read_export(tmp_path, "airflow", [instance(start_date="02/10/2026 00:00")])
    assert (len(export.reasons), export.skipped) == (1, {})
    assert "'02/10/2026 00:00'" in export.reasons[0]


def test_inputs_are_known_when_queued_and_the_host_is_an_outcome(tmp_path):
    row = read_export(tmp_path, "airflow", [instance(map_index=3)]).executions
    [execution] = row.values()
    assert execution["inputs"] == {
        "operator": "PythonOperator",
        "queue": "default",
        "priority_weight": 5,
        "pool_slots": 2,
        "max_tries": 2,
        "try_number": 1,
        "map_index": 3,
        "run_type": "scheduled",
    }
    assert execution["outcome"] == {"host": "worker-1", "slot_s": 480}
    names = tuple(execution[name] for name in ("actor", "kind", "scope"))
    assert names == ("etl", "etl.load", "default_pool")


SHAPES = {
    "a list": [instance()],
    "a page of version 1": {"task_instances": [instance()], "total_entries": 1},
    "total first": {"total_entries": 1, "task_instances": [instance()]},
    "one object": instance(),
    "pages in a list": [{"task_instances": [instance()], "total_entries": 1}],
    "with the tries of a task": [
        {"task_instances": [instance(try_number=2)]},
        {"task_instances": [instance(try_number=1), instance(try_number=2)]},
    ],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_json_gives_the_same_execution(shape, tmp_path):
    export = read_export(tmp_path, "airflow", SHAPES[shape])
    assert export.executions[ID] == read_export(tmp_path, "airflow", [instance()]).executions[ID]


COLUMNS_2 = (
    "task_id,dag_id,run_id,map_index,start_date,end_date,duration,state,try_number,max_tries,"
    "hostname,pool,pool_slots,queue,priority_weight,operator,queued_dttm,executor_config\n"
)
ROW_2 = (
    f"load,etl,{RUN},-1,2026-10-02 00:00:05+00:00,2026-10-02 00:04:05+00:00,240.0,success,1,2,"
    "worker-1,default_pool,2,default,5,PythonOperator,2026-10-02 00:00:03+00:00,b'\\x80'\n"
)
TABLES = {
    "psql --csv": COLUMNS_2 + ROW_2,
    "quoted, in capitals, by semicolons": COLUMNS_2.upper().replace(",", ";")
    + ROW_2.replace(",", ";"),
    "without map_index and operator, as an old one": (
        "dag_id,task_id,execution_date,try_number,state,queued_dttm,start_date,end_date\n"
        f"etl,load,{RUN},1,success,2026-10-02 00:00:03,2026-10-02 00:00:05,2026-10-02 00:04:05\n"
    ),
    "version 3": (
        "id,dag_id,task_id,run_id,map_index,try_number,state,queued_dttm,scheduled_dttm,start_date"
        ",end_date,pool\n"
        f"0199a,etl,load,{RUN},-1,1,success,2026-10-02 00:00:03+00,2026-10-02 00:00:01+00,"
        "2026-10-02 00:00:05+00,2026-10-02 00:04:05+00,default_pool\n"
    ),
}


@pytest.mark.parametrize("table", TABLES)
def test_the_table_and_the_api_give_one_execution(table, tmp_path):
    export = read_export(tmp_path, "airflow", TABLES[table])
    api = read_export(tmp_path, "airflow", [instance()]).executions[ID]
    assert export.reasons == []
    same = ("actor", "kind", "submitted", "started", "finished", "status")
    assert [export.executions[ID][name] for name in same] == [api[name] for name in same]


def test_names_that_are_too_long_stay_apart(tmp_path):
    tries = [instance(dag_id="d" * 240, task_id="t" * 240, try_number=n) for n in (1, 2)]
    export = read_export(tmp_path, "airflow", tries)
    assert export.reasons == []
    assert len(export.executions) == 2
    assert all(len(name) <= 500 for name in export.executions)


def test_a_csv_file_of_something_else_is_refused(tmp_path):
    from runlore.kernel.errors import BadInput

    with pytest.raises(BadInput, match="the header has no column 'dag_id'; it has: a, b"):
        read_export(tmp_path, "airflow", "a,b\n1,2\n")
