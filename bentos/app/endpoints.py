"""Every endpoint of the service, in the order in which the router tries them."""

from bentos.api import (
    alerts,
    anomalies,
    experiments,
    forecast_skill,
    incidents,
    ingests,
    lineage,
    live,
    otlp,
    points,
    predictions,
    recording,
    regressions,
    remote_write,
    signals,
)
from bentos.app import pages
from bentos.console.frame import endpoints
from bentos.dialects import (
    agent_zero_ab,
    agent_zero_alerts,
    agent_zero_live,
    agent_zero_models,
    agent_zero_reports,
    agent_zero_training,
    ml_learning,
    opsconductor,
    opsconductor_performance,
    opsconductor_training,
)
from bentos.http.routing import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *predictions.ENDPOINTS,
    *recording.ENDPOINTS,
    *lineage.ENDPOINTS,
    *ingests.ENDPOINTS,
    *alerts.ENDPOINTS,
    *experiments.ENDPOINTS,
    *anomalies.ENDPOINTS,
    *signals.ENDPOINTS,
    *points.ENDPOINTS,
    *remote_write.ENDPOINTS,
    *incidents.ENDPOINTS,
    *forecast_skill.ENDPOINTS,
    *otlp.ENDPOINTS,
    *regressions.ENDPOINTS,
    *live.ENDPOINTS,
    *ml_learning.ENDPOINTS,
    *agent_zero_ab.ENDPOINTS,
    *agent_zero_training.ENDPOINTS,
    *agent_zero_models.ENDPOINTS,
    *agent_zero_alerts.ENDPOINTS,
    *agent_zero_reports.ENDPOINTS,
    *agent_zero_live.ENDPOINTS,
    *opsconductor_training.ENDPOINTS,
    *opsconductor.ENDPOINTS,
    *opsconductor_performance.ENDPOINTS,
    *pages.ENDPOINTS,
    *endpoints.ENDPOINTS,
)
