"""Analyse the running A/B tests."""

from prefect import flow

from tasks import experiments
from tasks.edge import flow_app


@flow(name="ab", flow_run_name="analyse A/B tests", timeout_seconds=1800)
def ab(at: str | None = None) -> dict[str, str]:
    """Analyse every running A/B test once.

    Returns the result of each analysis by the test's name. If an analysis fails, the others still
    run; the run fails at the end.

    Args:
        at: Analyse by what was known at this ISO instant; empty: now.
    """
    with flow_app():
        names = experiments.running()
        looks = {name: experiments.look(name, at, return_state=True) for name in names}
        shown = {
            name: experiments.show(name, state.result())
            for name, state in looks.items()
            if state.is_completed()
        }
        for state in looks.values():
            state.result()
        return shown
