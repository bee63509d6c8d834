"""An effect that was chosen because it looked good, without the winner's curse.

Part of the data chose it; all of it estimates. Given that it was chosen, its estimate x has the
density f(x) ∝ φ((x - θ) / s) Φ((x - c) / τ): a normal one, softly cut off where it would not have
been chosen (data carving: Fithian, Sun & Taylor, Optimal inference after model selection, 2014).
The median-unbiased estimate and the interval invert the distribution function (Cox & Hinkley,
Theoretical Statistics, 1974).
"""

from dataclasses import dataclass

import numpy as np

POINTS = 4_001
REACH = 40.0  # standard errors, as far as θ is searched


@dataclass(frozen=True)
class ChosenEffect:
    """estimate, error: of all the data. cut: what the choosing part had to exceed.

    share: of the information that the choosing part has, 0 to 1.
    """

    estimate: float
    error: float
    cut: float
    share: float

    def quantile(self, p: float) -> float:
        """θ for which the estimate, or a larger one, has the chance p once it is chosen."""
        low, high = self.estimate - REACH * self.error, self.estimate + REACH * self.error
        for _ in range(60):
            middle = (low + high) / 2
            if self._chance_above(middle) > p:
                high = middle
            else:
                low = middle
        return (low + high) / 2

    def interval(self, level: float) -> tuple[float, float, float]:
        """Low end, estimate and high end."""
        tail = (1 - level) / 2
        return self.quantile(tail), self.quantile(0.5), self.quantile(1 - tail)

    def _chance_above(self, theta: float) -> float:
        """P(x ≥ estimate | chosen), in units of the error."""
        from scipy.special import log_ndtr

        x, mean = self.estimate / self.error, theta / self.error
        cut, noise = self.cut / self.error, np.sqrt(1 / self.share - 1)
        # Where the density is: between the mean and the cut.
        middle = max(mean, (mean * noise**2 + cut) / (1 + noise**2)) if noise else max(mean, cut)
        grid = np.linspace(min(middle, x) - 9, max(middle, x) + 9, POINTS)
        weight = -((grid - mean) ** 2) / 2
        weight += log_ndtr((grid - cut) / noise) if noise else np.where(grid < cut, -np.inf, 0)
        density = np.exp(weight - weight.max())
        return float(density[grid >= x].sum() / density.sum())
