"""Each page in a browser: in both widths and colours, by keyboard, and without a script."""

import html
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from bentos.access.sessions import COOKIE
from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.store.engine import Store
from tests.bentos.conftest import Serve
from tests.console import full_world
from tests.console.conftest import BROWSER, MakeKey, log_in

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.slow
playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe_base = pytest.importorskip("axe_playwright_python.base", reason="axe is not installed")
if not CHROMIUM.exists():
    pytest.skip(f"{CHROMIUM} is not installed", allow_module_level=True)

DESKTOP, NARROW = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
LOOKS = [(size, scheme) for size in (DESKTOP, NARROW) for scheme in ("light", "dark")]
WHOLE = [(DESKTOP, "light"), (NARROW, "dark")]  # the other two look at the colours alone
AXE = Path(axe_base.AXE_FILE_PATH)
FULL: dict[str, Any] = {"resultTypes": ["violations"]}
COLOURS = FULL | {"runOnly": ["color-contrast"]}
RUN_AXE = "async (options) => (await axe.run(document, options)).violations"
IS_PAGE = re.compile(r"/console/(?!static|log(?:in|out))")
LARGEST = 300_000  # bytes of a page, without the charts' library
MOST_OF_A_KIND = 2  # pages of one route that are opened
PATIENCE_MS = 60_000
DRAWN = """() => [...document.querySelectorAll('figure[data-chart] .plot')]
  .every((plot) => plot.querySelector('.main-svg'))"""
WIDE = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  const wide = [...document.body.querySelectorAll('*')].filter((e) =>
    e.getBoundingClientRect().right > room + 0.5 && !e.parentElement.closest('.scroll, .main-svg'));
  return wide.slice(0, 3).map((e) => e.outerHTML.slice(0, 200));
}"""
CONTROLS = """() => [...document.querySelectorAll('a[href], button, input, select, summary')]
  .filter((e) => !e.disabled && e.type !== 'hidden')
  .filter((e) => e.checkVisibility({visibilityProperty: true}))
  .map((e, number) => { e.dataset.control = number; return e.outerHTML.slice(0, 90); })"""
NOTE_FOCUS = """() => { window.reached = new Set();
  addEventListener('focusin', ({target}) => window.reached.add(target.dataset.control)); }"""
REACHED = "() => [...window.reached].filter((number) => number !== undefined).map(Number)"
INJECTED = """() => [document.querySelectorAll('.pwned, [class*=pwned] *').length,
  [...document.querySelectorAll('a')].filter((a) => a.protocol === 'javascript:').length,
  document.querySelectorAll('.main-svg a').length, window.pwned ?? 0]"""


class OpenConsole(NamedTuple):
    """A service whose every page has something, and a browser that is logged in."""

    client: httpx.Client
    context: Any
    paths: list[str]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(
    serve: Serve,
    serving: Serving,
    world: Store,
    short_tmp: Path,
    tmp_path: Path,
    make_key: MakeKey,
    chromium: Any,
) -> Iterator[OpenConsole]:
    full_world.fill(world, tmp_path, instants.now())
    full_world.dress(serving)
    settings = {"database_url": world.url, "api_keys": "required", **full_world.DECLARED}
    client = serve(serving, home=short_tmp, **settings)
    client.headers.update(BROWSER)
    log_in(client, make_key("read", "predict", "record", "train", name="<b class=pwned>ann"))
    context = chromium.new_context(viewport=DESKTOP, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    session = {"name": COOKIE, "value": client.cookies[COOKIE], "url": str(client.base_url)}
    context.add_cookies([session])
    yield OpenConsole(client, context, pages_of(client))
    context.close()


def pages_of(client: httpx.Client) -> list[str]:
    """Pages that links lead to, at most some of one kind."""
    waiting, seen, kinds = ["/"], {}, {}
    while waiting:
        path = waiting.pop(0)
        if path in seen or kinds.get(kind := kind_of(path), 0) >= MOST_OF_A_KIND:
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
        seen[path] = client.get(path)
        if seen[path].is_redirect:
            waiting.append(seen[path].headers["location"])
        links = [html.unescape(link) for link in re.findall(r'href="([^"#]+)', seen[path].text)]
        waiting += [
            x for x in links if x == "/" or re.match(r"/console/(?!static|log(?:in|out))", x)
        ]
    assert {page.status_code for page in seen.values()} <= {200, 303}
    assert max(len(page.content) for page in seen.values()) < LARGEST
    return [path for path in seen if not seen[path].is_redirect]


def kind_of(path: str) -> str:
    """The route as a page of it, whatever the ids; filters count as one more kind.

    >>> kind_of("/console/ledger/0190-ab?spec=a"), kind_of("/console/specs/failure-risk")
    ('/console/ledger/*?', '/console/specs/*')
    """
    address, _, query = path.partition("?")
    parts = address.split("/")
    ids = "/".join([*parts[:3], *("*" for _ in parts[3:])])
    return ids + ("?" if query else "")


def watch(page: Any, base: str) -> list[str]:
    """What must not be: errors of the console, requests elsewhere, dialogs."""
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith((base, "data:")) else wrong.append(request.url)
        ),
    )
    return wrong


def said_of(violation: Mapping[str, Any]) -> str:
    """What axe says of a fault, with the first element that has it."""
    node = violation["nodes"][0]
    return f"{violation['id']}: {node['html'][:200]} ({node['failureSummary'][:200]})"


def test_each_page_is_right_in_both_widths_and_colours_and_runs_no_script_of_others(
    opened: OpenConsole,
) -> None:
    page, base = opened.context.new_page(), str(opened.client.base_url)
    wrong, faults, kinds = watch(page, base), {}, set()
    assert len(opened.paths) > 20
    for path in opened.paths:
        page.goto(base + path, wait_until="load")
        page.wait_for_function(DRAWN)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        is_new = kind_of(path) not in kinds
        kinds.add(kind_of(path))
        for size, scheme in LOOKS if is_new else WHOLE[1:]:  # a second page of a kind: once
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)
            found = page.evaluate(RUN_AXE, FULL if (size, scheme) in WHOLE else COLOURS)
            wrong += [f"{size} {scheme}: {said_of(violation)}" for violation in found]
            wrong += [f"{size}: it scrolls sideways: {wide}" for wide in page.evaluate(WIDE)]
            wrong += [f"{size}: read as markup: {n}" for n in page.evaluate(INJECTED) if n]
        if wrong:
            faults[path] = [*wrong]
            wrong.clear()
    assert faults == {}


def test_the_keyboard_reaches_every_control(opened: OpenConsole) -> None:
    page, base = opened.context.new_page(), str(opened.client.base_url)
    for path in {kind_of(path): path for path in opened.paths}.values():
        page.goto(base + path)
        controls = page.evaluate(CONTROLS)
        page.evaluate(NOTE_FOCUS)
        reached: set[int] = set()
        for presses in (len(controls), len(controls) + 20):
            for _ in range(presses if len(reached) < len(controls) else 0):
                page.keyboard.press("Tab")
            reached = set(page.evaluate(REACHED))
        missed = [text for number, text in enumerate(controls) if number not in reached]
        assert missed == [], path


def test_without_a_script_each_page_says_its_numbers(opened: OpenConsole, chromium: Any) -> None:
    base = str(opened.client.base_url)
    context = chromium.new_context(java_script_enabled=False, viewport=NARROW)
    context.add_cookies(opened.context.cookies())
    page = context.new_page()
    wrong = watch(page, base)
    for path in opened.paths:
        page.goto(base + path)
        assert page.locator("h1").count() == 1, path
        assert page.locator("main").inner_text().strip(), path
        for figure in page.locator("figure[data-chart]").all():
            assert figure.locator("table tbody tr").count() > 0, path
    assert wrong == []
    context.close()
