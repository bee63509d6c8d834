"""The page of privacy budgets: what is spent and left, and no persona by its name."""

import httpx

from runlore.kernel import instants
from runlore.privacy.actions.aggregates import aggregate, question_of
from runlore.privacy.actions.opt_outs import set_opt_out
from runlore.privacy.queries.opt_outs import OptOut
from runlore.privacy.rules.policy import PrivacyPolicy
from runlore.store.engine import Store
from tests.privacy.private_posts import write_posts

PATH = "/console/privacy"


def test_budgets_are_shown_by_pseudonym_and_opt_outs_counted(
    console: httpx.Client, world: Store
) -> None:
    empty = console.get(PATH)
    assert empty.status_code == 200, empty.text
    assert "4 new aggregates left" in empty.text
    assert "Nothing was charged this month" in empty.text
    now = instants.now()
    write_posts(world, 7, end=now)
    set_opt_out(world, OptOut(now, "persona-7", True, "cli", ""))
    aggregate(world, question_of("", 30, now), PrivacyPolicy(), now)
    page = console.get(PATH).text
    assert "3 new aggregates left" in page
    assert page.count('<td class="num">25 %</td>') == 7, "the answer, and six personas"
    assert page.count('<td class="num">75 %</td>') == 6
    assert "persona-" not in page
    assert "Personas that opted out</dt><dd>1</dd>" in page
