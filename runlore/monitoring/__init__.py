"""Drift monitoring: compares new data with the data that a version was trained on."""
