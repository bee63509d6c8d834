"""How unlikely a point must be to raise an incident, so that a weekly budget is kept."""

import numpy as np

# Points of quiet simulated series with heavy tails and autocorrelation that raise an incident, of a
# million, at these probabilities: `bench/stream_rule.py`, seeds 500 to 507; those up to 1e-6 also
# 610 to 619, as a power law. Real tails are heavier than the assumed one, and a deviation is one
# incident however many points it has.
PROBABILITIES = (3e-7, 1e-6, 3e-6, 1e-5, 1.25e-5, 1.5e-5, 3e-5)
RAISED_OF_A_MILLION = (2.3, 4.8, 10.6, 22.3, 28.6, 36.1, 91.3)
LEAST = 1e-12  # probability, whatever the budget; the largest is the last of PROBABILITIES


def find_threshold(points_a_week: float, alarms_a_week: float) -> float:
    """The probability below which a point is a deviation: so many alarms a week by chance.

    Interpolates what was measured; below that, the ratio of the least likely stays.

    >>> [float(f"{find_threshold(points, 1.0):.2g}") for points in (1e8, 168_000, 100.0)]
    [1.3e-09, 1.3e-06, 3e-05]
    """
    share = alarms_a_week / max(points_a_week, 1.0)
    raised = np.array(RAISED_OF_A_MILLION) / 1e6
    if share < raised[0]:
        return float(max(share * PROBABILITIES[0] / raised[0], LEAST))
    return float(np.exp(np.interp(np.log(share), np.log(raised), np.log(PROBABILITIES))))
