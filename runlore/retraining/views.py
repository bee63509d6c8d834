"""A requested training as people read it: how it stands, and what to do about it."""

from runlore.kernel.conclusion import NOTHING_TO_DO, Conclusion
from runlore.retraining.queries import Retraining

WAITING = "Prefect starts it within seconds while `runlore up` runs; --here trains now."


def conclude(retraining: Retraining) -> Conclusion:
    spec, state = retraining.wanted.spec, retraining.state
    headline = f"Retraining {retraining.id} of {spec}: {state}: {retraining.reason}."
    if state in ("wanted", "announced"):
        return Conclusion(headline, WAITING)
    if state == "failed":
        return Conclusion(headline, f"Mend the cause, then train again: `runlore train {spec}`.")
    if state == "refused":
        return Conclusion(headline, "Nothing has to be done: the champion serves on.")
    if state == "started":
        return Conclusion(headline, f"Wait; `runlore retrain show {retraining.id}` follows it.")
    return Conclusion(headline, NOTHING_TO_DO)
