"""Drift rules: histograms of all rows, statistics over them, and a verdict with reasons."""
