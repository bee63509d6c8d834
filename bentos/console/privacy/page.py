"""Privacy: this month's budget, what it was spent on, and how much of it each persona has left."""

from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from runlore.kernel.readable import readable_share
from runlore.privacy.actions.budgets import read_persona_budgets, read_report
from runlore.privacy.actions.pseudonyms import read_pseudonyms
from runlore.privacy.budget_views import PrivacyReportView, show_report
from runlore.privacy.rules.policy import PrivacyPolicy

PATH = "/console/privacy"
LISTED, SPENDS = 100, 50
SHORT = 12  # characters of a pseudonym; 100 of them collide with probability 2e-11


def show_privacy(request: PageRequest) -> Shown:
    settings = request.product.settings
    policy = PrivacyPolicy(
        settings.privacy_epsilon, settings.privacy_delta, settings.privacy_aggregates
    )
    view = show_report(read_report(request.store, policy, request.at))
    found = read_persona_budgets(request.store, policy, request.at, LISTED)
    pseudonym = read_pseudonyms(settings).of if found.most_spent else str
    values = {
        "view": view,
        "spends": view.spends[:SPENDS],
        "found": found,
        "rows": [(pseudonym(one.persona)[:SHORT], one) for one in found.most_spent],
        "chart": _chart(view),
        "share": readable_share,
    }
    return Shown("privacy/privacy.html", values)


def _chart(view: PrivacyReportView) -> Chart | None:
    """Epsilon spent of each month, beside what a month grants."""
    if not view.months:
        return None
    months = [one.period.isoformat()[:7] for one in reversed(view.months[:12])]
    spent = [one.epsilon_spent for one in reversed(view.months[:12])]
    series = (
        ChartSeries("spent", months, spent, style="bars"),
        ChartSeries("granted now", months, [view.epsilon] * len(months), style="dashes", colour=6),
    )
    return Chart("How much was spent?", "month (UTC)", "epsilon", series)


PAGE = ConsolePage("Privacy", 96, PATH, (PageRoute("GET", PATH, show_privacy),), group="Advice")
