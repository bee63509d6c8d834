"""The pages of projects: a map of likeness, one project, and recommendations with decisions."""

import re
from datetime import timedelta

import httpx

from runlore.kernel import instants
from runlore.store.engine import Store
from tests.console.conftest import form_token
from tests.planning.project_log import Run, runs_of_sort, write_project
from tests.planning.test_recommendations import runs_with_cache

PATH = "/console/projects"
NAME = "<b class=pwned>team/web & co</b>"


def test_without_projects_the_page_says_so(console: httpx.Client) -> None:
    page = console.get(PATH)
    assert page.status_code == 200
    assert "no project yet" in page.text or "projects" in page.text


def test_the_map_has_a_link_and_a_shape_for_each_project(
    console: httpx.Client, world: Store
) -> None:
    for seed in range(4):
        write_project(world, f"site-{seed}", runs_of_sort("site", 30, seed))
        write_project(world, f"lab-{seed}", runs_of_sort("lab", 30, seed))
    write_project(world, NAME, [Run("build")] * 2)
    page = console.get(PATH)
    assert page.status_code == 200, page.text
    links = re.findall(r'<a href="([^"]+)" aria-label="([^"]+)">', page.text)
    labels = [label for _, label in links]
    assert sum("site-" in label for label in labels) == 4
    assert len(set(re.findall(r'<path d="([^"]+)"', page.text))) >= 2
    assert "class=pwned" not in page.text.replace("&lt;b class=pwned&gt;", "")
    for link, _ in links:
        one = console.get(link.replace("&amp;", "&"))
        assert one.status_code == 200
        assert "<b class=pwned>" not in one.text
    assert console.get(f"{PATH}/one", params={"name": "nope"}).status_code == 404
    assert console.get(f"{PATH}/one").status_code == 422


def test_recommendations_are_asked_for_and_decided(console: httpx.Client, world: Store) -> None:
    now = instants.now() - timedelta(days=30)
    for seed in range(8):
        write_project(world, f"p{seed}", runs_with_cache(120, seed, effect=0.35), now)
    here = f"{PATH}/one?name=p1"

    def send(path: str, **form: str) -> httpx.Response:
        token = form_token(console.get(here).text)
        return console.post(path, data={"form_token": token, "actor": "zoe", "name": "p1", **form})

    moved = send(f"{PATH}/recommend")
    assert (moved.status_code, moved.headers["location"].endswith("one?name=p1")) == (303, True)
    page = console.get(here)
    assert "run build with cache=true" in page.text
    [number] = re.findall(r"/console/projects/recommendations/(\d+)/follow", page.text)
    send(f"{PATH}/recommendations/{number}/follow", reason="worth a try")
    decided = console.get(here).text
    assert "followed" in decided
    assert "worth a try" in decided
    assert send(f"{PATH}/recommendations/{number}/dismiss").status_code == 409
    assert "Followed: 1 recommendations" in console.get(PATH).text
