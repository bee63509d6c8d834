"""Pieces of PromQL that the dashboards share."""

INSTANCE = 'instance=~"$instance"'
RATE = "$__rate_interval"


def of(metric: str, **labels: str) -> str:
    """A metric of the chosen instances. labels: a value, or several as `a|b`."""
    chosen = (f'{name}{"=~" if "|" in value else "="}"{value}"' for name, value in labels.items())
    return f"{metric}{{{', '.join((INSTANCE, *chosen))}}}"


def rate(metric: str, **labels: str) -> str:
    """Per second."""
    return f"rate({of(metric, **labels)}[{RATE}])"


def total(expr: str, *by: str) -> str:
    return f"sum by ({', '.join(by)}) ({expr})" if by else f"sum({expr})"


def product(metric: str, *by: str) -> str:
    """A gauge of the whole product, of which every instance gives the same."""
    return f"max by ({', '.join(by)}) ({of(metric)})" if by else f"max({of(metric)})"


def quantile(level: float, histogram: str, *by: str) -> str:
    """In the unit of the histogram, out of its buckets."""
    buckets = total(rate(f"{histogram}_bucket"), "le", *by)
    return f"histogram_quantile({level}, {buckets})"


def or_zero(expr: str) -> str:
    """0 while nothing has been counted yet."""
    return f"({expr}) or vector(0)"


def ratio(part: str, whole: str) -> str:
    """Without a value, and not NaN, where the whole is 0."""
    return f"{part} / ({whole} > 0)"


def known(expr: str) -> str:
    """Without the NaN of a quantile of nothing."""
    return f"({expr}) >= 0"


def hit_ratio(metric: str) -> str:
    """Hits of all lookups; without a value while there are none."""
    hits = total(rate(metric, result="hit"))
    return ratio(hits, total(rate(metric)))
