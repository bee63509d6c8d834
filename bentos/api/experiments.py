"""A/B tests over HTTP: plan, start, deal out, take in what units did, look, stop."""

from starlette.requests import Request
from starlette.responses import Response

from bentos.api.experiments_schema import (
    AbAction,
    AbAssigned,
    AbAssignments,
    AbEvents,
    AbExposure,
    AbIntake,
    AbList,
    AbLook,
    AbLooks,
    AbReject,
    AbStatus,
    AbTestTold,
    AbUnits,
)
from bentos.api.store_access import model_response, read_store, write_store
from bentos.http.bodies import read_body
from bentos.http.identity import actor_of
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from runlore.experiments.actions import analysis, lifecycle, unit_intake
from runlore.experiments.actions.lifecycle import AssignedUnit, Attribution, SeenUnit
from runlore.experiments.actions.plan import Plan
from runlore.experiments.queries.experiments import AbTest
from runlore.experiments.queries.unit_events import Intake
from runlore.experiments.views import report
from runlore.kernel import instants
from runlore.kernel.errors import BadInput

NOBODY = "api"  # who acts where neither a key nor the body says so
AT, ONE = "/ab-tests", "/ab-tests/{name}"
NAME = in_path("name", "Of the test", {"type": "string", "maxLength": 100})
REPLACE = in_query(
    "replace",
    "Whether it may replace another plan of that name that has not started",
    {"type": "boolean", "default": False},
)
READ, WRITE = (404, 422, 503), (400, 404, 409, 413, 422, 503)


async def every(request: Request) -> Response:
    result = await read_store(request, lifecycle.every)
    return model_response(AbList(tests=[of_test(test) for test in result]))


async def create(request: Request) -> Response:
    plan, by = Plan.model_validate_json(await read_body(request)), by_of(request)
    may = _may_replace(request)
    test, is_new = await write_store(
        request, lambda store: lifecycle.create(store, plan, by, may_replace=may)
    )
    return model_response(of_test(test), 201 if is_new else 200)


async def show(request: Request) -> Response:
    name, at = _name(request), instants.now()
    result = await read_store(request, lambda store: analysis.status(store, name, at))
    return model_response(AbStatus(**report.status_document(result)))


async def start(request: Request) -> Response:
    name, by = _name(request), _by(request, await _action(request))
    return model_response(
        of_test(await write_store(request, lambda store: lifecycle.start(store, name, by)))
    )


async def stop(request: Request) -> Response:
    name, by = _name(request), _by(request, await _action(request))
    return model_response(
        of_test(await write_store(request, lambda store: lifecycle.stop(store, name, by)))
    )


async def expose(request: Request) -> Response:
    name = _name(request)
    body = AbExposure.model_validate_json(await read_body(request))
    share, by = body.exposure, _by(request, body)
    return model_response(
        of_test(await write_store(request, lambda store: lifecycle.expose(store, name, share, by)))
    )


async def units(request: Request) -> Response:
    """Either all come with a variant, or none does."""
    name, at = _name(request), instants.now()
    body = AbUnits.model_validate_json(await read_body(request)).units
    with_variant = [unit for unit in body if unit.variant is not None]
    if with_variant and len(with_variant) < len(body):
        raise BadInput("variant: either every unit has one, or none", "variant")
    if with_variant:
        sightings = [SeenUnit(unit.unit, unit.variant or "", unit.at) for unit in body]
        recorded = await write_store(
            request, lambda store: lifecycle.sight(store, name, sightings, at)
        )
        rejects = [AbReject(place=p, id=u, reason=r) for p, u, r in recorded.rejects]
        wrong = {reject.place for reject in rejects}
        accepted = [
            AssignedUnit(seen.unit, seen.variant, is_in_test=True, exposed_at=seen.at)
            for place, seen in enumerate(sightings)
            if place not in wrong
        ]
        return model_response(assignments(accepted, rejects))
    if any(unit.at is not None for unit in body):
        raise BadInput("at: a test that deals variants out takes units as of now", "at")
    names = [unit.unit for unit in body]
    dealt = await write_store(request, lambda store: lifecycle.assign(store, name, names, at))
    return model_response(assignments(dealt, []))


async def events(request: Request) -> Response:
    name, at, body = _name(request), instants.now(), await read_body(request)
    done = await write_store(request, lambda store: unit_intake.record(store, name, body, at))
    return model_response(intake(done))


async def analyse(request: Request) -> Response:
    name, by = _name(request), _by(request, await _action(request))
    result = await write_store(request, lambda store: analysis.analyse(store, name, by))
    return model_response(AbLook(**report.look_document(result)))


async def looks(request: Request) -> Response:
    name = _name(request)
    _, result = await read_store(request, lambda store: analysis.looks(store, name))
    return model_response(AbLooks(looks=[AbLook(**report.look_document(look)) for look in result]))


def by_of(request: Request, said: str = NOBODY, reason: str = "") -> Attribution:
    """Who acts now: the owner of the key, else who the body says it is."""
    return Attribution(actor_of(request, said), instants.now(), reason)


def of_test(test: AbTest) -> AbTestTold:
    return AbTestTold(**report.plan_document(test))


def intake(done: Intake) -> AbIntake:
    return AbIntake(
        given=done.given,
        added=done.added,
        duplicates=done.duplicates,
        rejected=done.rejected,
        faults=dict(done.faults),
        rejects=[AbReject(**vars(reject)) for reject in done.rejects],
    )


def assignments(result: list[AssignedUnit], rejects: list[AbReject]) -> AbAssignments:
    return AbAssignments(assignments=[AbAssigned(**vars(unit)) for unit in result], rejects=rejects)


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    if not name.isprintable():
        raise BadInput("name: holds a character that no name has", "name")
    return name


def _may_replace(request: Request) -> bool:
    text = request.query_params.get("replace", "false")
    if text not in ("true", "false"):
        raise BadInput(f"replace: {text[:80]!r} is neither true nor false", "replace")
    return text == "true"


async def _action(request: Request) -> AbAction:
    return AbAction.model_validate_json(await read_body(request) or b"{}")


def _by(request: Request, body: AbAction) -> Attribution:
    return by_of(request, body.actor, body.reason)


TEST = ("The test", AbTestTold)
LOOK = ("The look, and what it was concluded from", AbLook)
ENDPOINTS = (
    Endpoint(
        "GET",
        AT,
        every,
        "read",
        "All A/B tests, the newest first",
        {200: ("The tests", AbList)},
        (503,),
        tag=Tag.AB_TESTS,
    ),
    Endpoint(
        "POST",
        AT,
        create,
        "record",
        "Plan an A/B test",
        {201: TEST, 200: ("It was planned like this before", AbTestTold)},
        (400, 409, 413, 422, 503),
        Plan,
        [REPLACE],
        tag=Tag.AB_TESTS,
    ),
    Endpoint(
        "GET",
        ONE,
        show,
        "read",
        "How a test stands, and what a decision waits for",
        {200: ("Its status", AbStatus)},
        READ,
        parameters=[NAME],
        tag=Tag.AB_TESTS,
    ),
    Endpoint(
        "POST",
        f"{ONE}/start",
        start,
        "record",
        "Deal its variants out from now on",
        {200: TEST},
        WRITE,
        AbAction,
        [NAME],
        tag=Tag.AB_TESTS,
    ),
    Endpoint(
        "POST",
        f"{ONE}/stop",
        stop,
        "record",
        "End it without a winner",
        {200: TEST},
        WRITE,
        AbAction,
        [NAME],
        tag=Tag.AB_TESTS,
    ),
    Endpoint(
        "POST",
        f"{ONE}/exposure",
        expose,
        "record",
        "Show it to a larger share of units",
        {200: TEST},
        WRITE,
        AbExposure,
        [NAME],
        tag=Tag.AB_TESTS,
    ),
    Endpoint(
        "POST",
        f"{ONE}/units",
        units,
        "record",
        "Which variant units get",
        {200: ("Their variants", AbAssignments)},
        WRITE,
        AbUnits,
        [NAME],
        tag=Tag.AB_TESTS,
    ),
    Endpoint(
        "POST",
        f"{ONE}/events",
        events,
        "record",
        "What units did",
        {200: ("What was taken", AbIntake)},
        WRITE,
        AbEvents,
        [NAME],
        tag=Tag.AB_TESTS,
    ),
    Endpoint(
        "GET",
        f"{ONE}/analyses",
        looks,
        "read",
        "Every look at a test, the oldest first",
        {200: ("The looks", AbLooks)},
        READ,
        parameters=[NAME],
        tag=Tag.AB_TESTS,
    ),
    Endpoint(
        "POST",
        f"{ONE}/analyses",
        analyse,
        "record",
        "Look at a test, once",
        {200: LOOK},
        WRITE,
        AbAction,
        [NAME],
        tag=Tag.AB_TESTS,
    ),
)
