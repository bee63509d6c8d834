"""Extract, fit, judge and register."""
