"""The pages of content: personas, and one with its scores and what came of them."""

from pathlib import Path

import httpx

from bentos.predict.live_versions import Serving, load
from runlore.store.engine import Store
from tests.engagement.scored_posts import quality_version, record_scores, write_scored_posts

PATH = "/console/content"


def test_a_persona_shows_its_scores_and_what_they_promised(
    console: httpx.Client, world: Store, serving: Serving, tmp_path: Path
) -> None:
    assert "No posts yet" in console.get(PATH).text
    quality = write_scored_posts(world, "<b class=pwned>ann & co</b>")
    listed = console.get(PATH).text
    assert "3 personas publish" in listed
    assert "by rules of thumb" in listed
    assert "<b class=pwned>" not in listed
    one = f"{PATH}/persona"
    assert "has no champion" in console.get(one, params={"persona": "bob"}).text
    live = load(quality_version(tmp_path / "v"), "3", "engagement", "wall")
    serving.live = {**serving.live, "engagement": live}
    page = console.get(one, params={"persona": "bob"})
    assert page.status_code == 200
    assert "Would scores have kept it?" in page.text
    assert "excellent, replayed" in page.text
    assert "of 100" in page.text
    assert page.text.count("<rect") == 168
    assert "None is on record" in page.text
    assert "None of its posts had a score before publication" in page.text
    final = record_scores(world, quality, "bob")
    page = console.get(one, params={"persona": "bob"})
    assert f"{len(final)} posts had a score before publication" in page.text
    assert "Did its scores keep what they promised?" in page.text
    assert console.get(one).status_code == 422
