"""Every way in but predictions, records and alerts: Runlore's own first, then the products'."""

from bentos import ab
from bentos.products import (
    agent_zero_ab,
    agent_zero_alerts,
    agent_zero_models,
    agent_zero_training,
    ml_learning,
    opsconductor,
    opsconductor_training,
)
from bentos.ways import Way

WAYS: tuple[Way, ...] = (
    *ab.WAYS,
    *ml_learning.WAYS,
    *agent_zero_ab.WAYS,
    *agent_zero_training.WAYS,
    *agent_zero_models.WAYS,
    *agent_zero_alerts.WAYS,
    *opsconductor_training.WAYS,
    *opsconductor.WAYS,
)
