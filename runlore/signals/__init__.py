"""Time series: what comes next, and within which bounds."""
