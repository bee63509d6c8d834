"""Attacks that rules find in logins, commands and changes, over HTTP."""

from dataclasses import asdict
from datetime import datetime
from typing import Literal, get_args

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.signals import TEXT
from bentos.api.store_access import model_response, read_store
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.advice.actions.security import (
    DEFAULT_SINCE,
    SecurityFindings,
    SecurityQuery,
    find_incidents,
)
from runlore.advice.actions.security_rule_files import load_rules
from runlore.advice.rules.security.rule import RuleLevel, RuleSet
from runlore.advice.security_views import show_incident
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.store.engine import Store

LEVELS = get_args(RuleLevel)
Level = Literal["informational", "low", "medium", "high", "critical"]


class RuleEvidenceBody(Closed):
    rule: str
    title: str
    level: Level
    advice: str
    events: int
    first_at: datetime
    last_at: datetime
    found_at: datetime = Field(description="when the rule was met first")


class SecurityAlertBody(Closed):
    """users, hosts, sources: of the events, the most frequent first; ten at most."""

    cause: str
    cause_kind: str = Field(description="address, user or host")
    level: Level
    finding: str
    advice: str
    events: int
    first_at: datetime
    last_at: datetime
    found_at: datetime
    rules: list[RuleEvidenceBody]
    users: list[str]
    hosts: list[str]
    sources: list[str]
    event_ids: list[str] = Field(description="the first ten")
    is_cut: bool = Field(description="there are more users, hosts, sources or events")


class RefusedRuleBody(Closed):
    file: str
    reason: str
    fix: str


class SecurityAlertPage(Closed):
    since: datetime
    as_of: datetime
    events: int = Field(description="how many were checked")
    alerts: list[SecurityAlertBody] = Field(description="the newest first, 500 at most")
    is_cut: bool
    refused_rules: list[RefusedRuleBody]


class SecurityRuleBody(Closed):
    name: str
    title: str
    level: Level
    file: str
    description: str
    alerts: bool = Field(description="false: only other rules use it")
    cause: str
    tags: list[str]


class SecurityRulePage(Closed):
    rules: list[SecurityRuleBody]
    refused: list[RefusedRuleBody]


async def alerts(request: Request) -> Response:
    query = _query(request)
    folder = request.app.state.product.settings.sigma_rules

    def work(store: Store) -> SecurityAlertPage:
        rules = load_rules(folder)
        return page_of(rules, query, find_incidents(store, rules, query))

    return model_response(await read_store(request, work))


async def list_rules(request: Request) -> Response:
    folder = request.app.state.product.settings.sigma_rules

    def work(_: Store) -> SecurityRulePage:
        known = load_rules(folder)
        names = SecurityRuleBody.model_fields
        return SecurityRulePage(
            rules=[
                SecurityRuleBody.model_validate({name: getattr(one, name) for name in names})
                for one in known.rules
            ],
            refused=_refused(known),
        )

    return model_response(await read_store(request, work))


def page_of(rules: RuleSet, query: SecurityQuery, found: SecurityFindings) -> SecurityAlertPage:
    return SecurityAlertPage(
        since=query.since,
        as_of=query.as_of,
        events=found.events,
        alerts=[
            SecurityAlertBody.model_validate(asdict(show_incident(one))) for one in found.incidents
        ],
        is_cut=found.is_cut,
        refused_rules=_refused(rules),
    )


def _refused(rules: RuleSet) -> list[RefusedRuleBody]:
    return [RefusedRuleBody.model_validate(asdict(one)) for one in rules.refused]


def _query(request: Request) -> SecurityQuery:
    given = request.query_params
    as_of = instants.parse(given["as_of"], "as_of") if "as_of" in given else instants.now()
    since = instants.parse(given["since"], "since") if "since" in given else as_of - DEFAULT_SINCE
    level = given.get("level", "low")
    if level not in LEVELS:
        raise BadInput(f"level: {level[:80]!r} is none of {', '.join(LEVELS)}", "level")
    budget = request.app.state.product.settings.alarms_a_week
    chosen = next(one for one in LEVELS if one == level)
    return SecurityQuery(since, as_of, budget, chosen, given.get("cause"))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/security/alerts",
        alerts,
        "read",
        "List attacks that rules find in logins, commands and changes",
        {200: ("One entry for each address, user or host", SecurityAlertPage)},
        (422, 503),
        parameters=[
            in_query("since", "From here on; without it, the last 7 days", TEXT),
            in_query("level", "The least level: informational to critical; else low", TEXT),
            in_query("cause", "Only this address, user or host", TEXT),
            in_query("as_of", "Use only what was known then", TEXT),
        ],
        tag=Tag.ADVICE,
        name="read_security_alerts",
    ),
    Endpoint(
        "GET",
        "/security/rules",
        list_rules,
        "read",
        "List the rules for security events, and those that are refused",
        {200: ("With file, reason and fix of refused ones", SecurityRulePage)},
        (503,),
        tag=Tag.ADVICE,
        name="read_security_rules",
    ),
)
