"""What do the A/B tests say by now?"""

from prefect import flow

from tasks import experiments
from tasks.edge import flow_app


@flow(name="ab", timeout_seconds=1800)
def ab(at: str | None = None) -> dict[str, str]:
    """Look once at every A/B test that runs, as of an ISO instant (default: now).

    Returns what each look said, by the test's name. One that cannot be looked at keeps no other
    from its look; the run fails at the end.
    """
    with flow_app():
        names = experiments.running()
        states = {name: experiments.look(name, at, return_state=True) for name in names}
        return {name: state.result() for name, state in states.items()}
