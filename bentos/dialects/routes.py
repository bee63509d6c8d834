"""Every way in but predictions, records and alerts: Runlore's own first, then the products'."""

from bentos.api import experiments
from bentos.dialects import (
    agent_zero_ab,
    agent_zero_alerts,
    agent_zero_models,
    agent_zero_training,
    ml_learning,
    opsconductor,
    opsconductor_training,
)
from bentos.http.routing import Way

WAYS: tuple[Way, ...] = (
    *experiments.WAYS,
    *ml_learning.WAYS,
    *agent_zero_ab.WAYS,
    *agent_zero_training.WAYS,
    *agent_zero_models.WAYS,
    *agent_zero_alerts.WAYS,
    *opsconductor_training.WAYS,
    *opsconductor.WAYS,
)
