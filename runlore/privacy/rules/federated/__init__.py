"""Federated learning with differential privacy; the unit of privacy is a persona."""
