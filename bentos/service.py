"""The prediction service: `bentoml serve bentos.service:Predictions`, or `runlore serve`."""

import bentoml

from bentos.app.application import application, check_ready
from bentos.predict.follower import following
from bentos.predict.shortcut import NO_PROXY_HEADERS, Shortcut, tracing
from runlore.kernel.deadlines import BENTOML_S

app = application(following)


@bentoml.service(
    name="runlore",
    traffic={"timeout": BENTOML_S},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing=tracing(),
    envs=NO_PROXY_HEADERS,
    http={"host": "127.0.0.1"},
)
@bentoml.asgi_app(app)
class Predictions:
    """Predictions by the champions of the registry, and a record of what came of the work."""

    def __is_ready__(self) -> bool:
        """Whether it can answer; if not, `/readyz` answers 503 with the reason."""
        return check_ready(app.state.serving)


Predictions.add_asgi_middleware(Shortcut)  # type: ignore[attr-defined]
