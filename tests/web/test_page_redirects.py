"""Links that are kept in Prefect lead to the other pages, under the host that was asked."""

import asyncio

import httpx
import pytest

from runlore.kernel.addresses import Address
from runlore.settings import Settings
from runlore.web.page_redirects import PageRedirects

OWN = Settings(prefect_api_url=None, mlflow_tracking_uri=None, mlflow_pages_url=None)
PROXIED = OWN.model_copy(
    update={
        "mlflow_pages_url": Address("https://runs.example.org/"),
        "prefect_pages_url": Address("https://flows.example.org/"),
        "console_url": Address("https://ann:hush@runlore.example.org"),
    }
)


async def nothing(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def asked(settings: Settings, address: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(PageRedirects(nothing, settings.pages))
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.get(address)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("http://build-7:4200/runlore/mlflow", "http://build-7:5000/"),
        ("http://[::1]:4200/runlore/mlflow/", "http://[::1]:5000/"),
        ("http://build-7/runlore/console/console/specs/a%2Fb", "/console/specs/a%2Fb"),
        ("http://build-7/runlore/console/x?y=1", "http://build-7:3000/x?y=1"),
        ("http://build-7/runlore/console//evil.example", "http://build-7:3000//evil.example"),
    ],
)
def test_a_link_leads_to_the_host_by_which_the_browser_came(address: str, target: str) -> None:
    answer = asked(OWN, address)
    assert answer.status_code == 302
    assert answer.headers["location"].endswith(target)
    assert answer.headers["location"].startswith("http://")


@pytest.mark.parametrize("path", ["/", "/runlore", "/runlore/mlflowx", "/runlore/other/", "/api/x"])
def test_all_other_paths_are_left_to_the_application(path: str) -> None:
    assert asked(OWN, f"http://build-7:4200{path}").status_code == 404


def test_settings_for_browsers_come_before_the_host_and_never_show_a_login() -> None:
    answer = asked(PROXIED, "http://build-7:4200/runlore/mlflow/")
    assert answer.headers["location"] == "https://runs.example.org/"
    links = PROXIED.pages("build-7")
    assert links.console == "https://runlore.example.org"
    assert links.prefect == "https://flows.example.org"


def test_what_is_kept_in_our_prefect_holds_no_address_and_elsewhere_that_of_the_settings() -> None:
    assert OWN.pages_within_prefect.run("ab12") == "/runlore/mlflow/#/runs/ab12"
    theirs = PROXIED.model_copy(update={"prefect_api_url": Address("https://p.example.org/api")})
    assert theirs.pages_within_prefect.run("ab12") == "https://runs.example.org/#/runs/ab12"
    assert theirs.pages().deployments("a b").startswith("https://flows.example.org/deployments?")
