"""The privacy report: what is promised, by which noise, and what is spent and left."""

from dataclasses import dataclass
from datetime import date, datetime

from runlore.privacy.actions.budgets import BudgetReport
from runlore.privacy.queries.budgets import PrivacyBudget, PrivacySpend
from runlore.privacy.rules.accounting import PrivacyLoss, epsilon_spent
from runlore.privacy.rules.policy import LEAST_HASHTAG_PERSONAS, LEAST_PERSONAS, SHARES

ASSUMPTIONS = (
    "The unit of privacy is the persona, with all its posts: answers would be about as likely"
    " without it.",
    "Epsilon and delta hold for one calendar month (UTC). Months add up: epsilon_all_months says"
    " to what.",
    "Each persona counts with one summary: its clipped mean rate, one best hour, and a few"
    " hashtags. Bounds are set beforehand, never from data.",
    "Names of platforms are public: asking for one without posts says so.",
    "How long an answer takes is not protected.",
    "Whoever reads the log itself, as an operator can, is not bound by this.",
    "Answers that were given before an opt-out or an erasure stay; they cannot be taken back.",
    "A budget that is erased with its persona starts anew if the persona comes back.",
)


@dataclass(frozen=True)
class MechanismView:
    """share: of an aggregate's loss. threshold: None where there is none."""

    tells: str
    noise: str
    scale: float
    sensitivity: str
    share: float
    threshold: int | None


@dataclass(frozen=True)
class PrivacyMonthView:
    """epsilon_spent: at half of delta, the rest of which is for releases that may fail outright."""

    period: date
    rho_granted: float
    rho_spent: float
    delta_granted: float
    delta_spent: float
    epsilon_spent: float


@dataclass(frozen=True)
class PrivacySpendView:
    spent_at: datetime
    purpose: str
    query: str
    rho: float
    delta: float


@dataclass(frozen=True)
class PrivacyReportView:
    """persona: None is what is asked of all. rho_left, epsilon_left: of this month.

    epsilon_left: what a single further answer with all that is left would mean.
    """

    persona: str | None
    epsilon: float
    delta: float
    accounting: str
    unit: str
    least_personas: int
    least_hashtag_personas: int
    period: date
    renewed: date
    epsilon_spent: float
    epsilon_left: float
    rho_granted: float
    rho_spent: float
    rho_left: float
    delta_spent: float
    aggregates_left: int
    epsilon_all_months: float
    highest_rate: float
    most_lift: float
    hashtags_each: int
    mechanisms: tuple[MechanismView, ...]
    months: tuple[PrivacyMonthView, ...]
    spends: tuple[PrivacySpendView, ...]
    assumptions: tuple[str, ...]


def show_report(report: BudgetReport) -> PrivacyReportView:
    policy, now = report.plan.policy, report.current
    left = PrivacyLoss(max(0, now.rho_granted - now.rho_spent))
    total = PrivacyLoss(sum(one.rho_spent for one in report.budgets))
    return PrivacyReportView(
        persona=report.persona or None,
        epsilon=policy.epsilon,
        delta=policy.delta,
        accounting="zCDP; OpenDP's conversion to epsilon and delta",
        unit="persona and month",
        least_personas=LEAST_PERSONAS,
        least_hashtag_personas=LEAST_HASHTAG_PERSONAS,
        period=report.period,
        renewed=report.renewed,
        epsilon_spent=epsilon_spent(PrivacyLoss(now.rho_spent), policy),
        epsilon_left=epsilon_spent(left, policy),
        rho_granted=now.rho_granted * 1e-12,
        rho_spent=now.rho_spent * 1e-12,
        rho_left=left.rho * 1e-12,
        delta_spent=now.delta_spent * 1e-15,
        aggregates_left=report.aggregates_left,
        epsilon_all_months=epsilon_spent(total, policy),
        highest_rate=policy.highest_rate,
        most_lift=policy.most_lift,
        hashtags_each=policy.hashtags_each,
        mechanisms=_mechanisms(report),
        months=tuple(_period(one, report) for one in report.budgets),
        spends=tuple(_spend(one) for one in report.spends),
        assumptions=ASSUMPTIONS,
    )


def _mechanisms(report: BudgetReport) -> tuple[MechanismView, ...]:
    return tuple(
        MechanismView(
            name, one.noise, one.scale, one.sensitivity, SHARES[name], one.threshold or None
        )
        for name, one in vars(report.plan.mechanisms).items()
    )


def _period(one: PrivacyBudget, report: BudgetReport) -> PrivacyMonthView:
    return PrivacyMonthView(
        one.period,
        one.rho_granted * 1e-12,
        one.rho_spent * 1e-12,
        one.delta_granted * 1e-15,
        one.delta_spent * 1e-15,
        epsilon_spent(PrivacyLoss(one.rho_spent), report.plan.policy),
    )


def _spend(one: PrivacySpend) -> PrivacySpendView:
    return PrivacySpendView(
        one.spent_at, one.purpose, one.query, one.rho * 1e-12, one.delta * 1e-15
    )
