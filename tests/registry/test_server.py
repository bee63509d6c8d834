"""What a direct client writes shows in the MLflow server's UI, and a client of it works too."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from matplotlib.figure import Figure
from mlflow import server

from runlore.kernel.addresses import Address
from runlore.registry import Registry, connect, page_defaults
from runlore.settings import Settings
from runlore.stack import Stack, running
from runlore.store.engine import Store, open_store
from runlore.web.login import read_login

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """MLflow's server as `runlore up` runs it."""
    home = Path(tempfile.mkdtemp(prefix="rl-"))
    settings = Settings(home=home, database_url=None, mlflow_tracking_uri=None)
    try:
        with running(settings, ("mlflow",), ports="free") as stack:
            yield stack
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def store(stack: Stack) -> Iterator[Store]:
    with open_store(stack.settings) as opened:
        yield opened


@pytest.fixture(params=["direct", "through the server"])
def either(stack: Stack, store: Store, request: pytest.FixtureRequest) -> Registry:
    if request.param == "direct":
        return connect(stack.settings, store)
    given = stack.settings.model_copy(
        update={"mlflow_tracking_uri": Address(stack.settings.mlflow_url)}
    )
    return connect(given, store)


@pytest.fixture
def http(stack: Stack) -> Iterator[httpx.Client]:
    login = read_login(stack.settings.home)
    auth = (login.user, login.password)
    with httpx.Client(base_url=stack.settings.mlflow_url, auth=auth, timeout=60) as client:
        yield client


def test_figures_and_reports_of_a_run_are_shown_by_the_server(either, http, spec, tmp_path):
    figure = Figure()
    figure.subplots().plot([1, 2])
    report = tmp_path / "drift.html"
    report.write_text("<html>drift report</html>")
    with either.training_run(spec) as run:
        picture = run.figure("calibration", figure)
        run.card("# Card")
    either.attach(run.id, report, "drift")

    def artifact(path: str) -> httpx.Response:
        where = {"run_uuid": run.id, "path": path}
        return http.get("/get-artifact", params=where).raise_for_status()

    assert artifact("plots/calibration.png").content.startswith(b"\x89PNG")
    assert http.get(f"/{picture}").raise_for_status().content.startswith(b"\x89PNG")
    assert artifact("drift/drift.html").text == "<html>drift report</html>"
    assert artifact("model_card.md").text == "# Card"
    listed = http.get("/ajax-api/2.0/mlflow/artifacts/list", params={"run_id": run.id}).json()
    paths = {each["path"] for each in listed["files"]}
    assert paths == {"plots", "drift", "model_card.md"}


def test_versions_and_aliases_are_the_same_on_both_ways(either, http, release, other, tmp_path):
    with either.training_run(release.spec) as run:
        first = either.register(run, release)
        assert either.register(run, release) == first
        assert either.announce(first).alias == "champion"
        second = either.register(run, other)
        assert either.announce(second).alias == "challenger"
    assert [ref.aliases for ref in either.versions(release.spec)] == [
        ("challenger",),
        ("champion",),
    ]
    assert either.champion(release.spec).digest == release.digest
    assert either.alias(release.spec, "shadow") is None
    assert either.champion("never-registered") is None
    folder = either.download(either.champion(release.spec), tmp_path / "models")
    assert (folder / "model.onnx").read_bytes() == (release.folder / "model.onnx").read_bytes()
    told = http.get(
        "/api/2.0/mlflow/registered-models/alias",
        params={"name": release.spec, "alias": "champion"},
    ).json()
    assert str(told["model_version"]["version"]) == "1"
    change = either.set_alias(release.spec, "champion", "2")
    assert (change.previous, either.aliases([release.spec])[release.spec]["champion"].version) == (
        "1",
        "2",
    )


def test_files_of_a_registered_model_are_shown_by_the_server(either, http, release):
    with either.training_run(release.spec) as run:
        either.register(run, release)
    found = http.get("/api/2.0/mlflow/runs/get", params={"run_id": run.id}).json()["run"]
    model = found["outputs"]["model_outputs"][0]["model_id"]
    listed = http.get(f"/ajax-api/2.0/mlflow/logged-models/{model}/artifacts/directories").json()
    assert {"MLmodel", "served_pyfunc.py"} <= {each["path"] for each in listed["files"]}


def test_the_page_begins_with_our_choices_and_is_else_mlflows_own(http):
    page = http.get("/", headers={"if-none-match": "*"}).raise_for_status()
    ours, theirs = page.text.index("static-files/runlore.js"), page.text.index("static/js/main")
    assert ours < theirs
    assert int(page.headers["content-length"]) == len(page.content)
    script = http.get("/static-files/runlore.js").raise_for_status()
    assert script.headers["content-type"].startswith("text/javascript")
    assert "mlflow.workflowType_v1" in script.text
    assert http.get("/static-files/runlore.css").raise_for_status().text
    assert http.head("/").status_code == 405 or http.head("/").is_success


def test_a_name_without_a_dot_is_as_good_as_an_address_and_others_are_not(http):
    own = {"host": "build-7:5000", "origin": "http://build-7:5000"}
    search = "/ajax-api/2.0/mlflow/experiments/search"
    body = {"max_results": 1}
    assert http.get("/", headers={"host": "build-7:5000"}).is_success
    assert http.post(search, json=body, headers=own).is_success
    assert http.get("/", headers={"host": "evil.example"}).status_code == 403
    mixed = {"host": "build-7:5000", "origin": "http://build-8:5000"}
    assert http.post(search, json=body, headers=mixed).status_code == 403


def test_every_choice_is_one_that_the_installed_mlflow_reads():
    scripts = Path(server.__file__).parent / "js" / "build" / "static" / "js"
    text = "".join(path.read_text(errors="replace") for path in scripts.glob("*.js"))
    for name in page_defaults.FIRST_CHOICES | page_defaults.FIXED_CHOICES:
        assert f'"{name.removesuffix("_v1")}"' in text, name


def test_the_page_of_a_run_shows_the_card_with_its_picture_and_no_assistant(stack, store, spec):
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    figure = Figure()
    figure.subplots().plot([1, 2])
    with connect(stack.settings, store).training_run(spec) as run:
        run.card(f"# The card\n\n![Calibration]({run.figure('calibration', figure)})")
    login = read_login(stack.settings.home)
    credentials = {"username": login.user, "password": login.password}
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(http_credentials=credentials).new_page()
        page.set_default_timeout(60_000)
        page.goto(stack.settings.pages().run(run.id))
        page.get_by_role("heading", name="The card").wait_for()
        page.wait_for_function("[...document.images].some((image) => image.naturalWidth > 300)")
        shown = page.inner_text("body")
        assert not {"GenAI", "MLflow Assistant", "Traces", "Show more"} & set(shown.split("\n"))
        assert "telemetry" not in shown
        browser.close()
