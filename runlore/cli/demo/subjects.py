"""What each subject adds to the demo, so that its page of the console has something to show."""

from runlore.cli.demo.advice import add_advice
from runlore.cli.demo.alerts import add_alerts
from runlore.cli.demo.content import add_content
from runlore.cli.demo.experiments import add_experiments
from runlore.cli.demo.planning import add_planning
from runlore.cli.demo.reports import add_reports
from runlore.cli.demo.retraining import add_retraining
from runlore.cli.demo.rollout import add_rollout
from runlore.cli.demo.signals import add_signals
from runlore.cli.demo.tour import AddDemoData

SUBJECTS: tuple[AddDemoData, ...] = (
    add_retraining,
    add_rollout,
    add_experiments,
    add_signals,
    add_planning,
    add_advice,
    add_content,
    add_alerts,
    add_reports,
)
