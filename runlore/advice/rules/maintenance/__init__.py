"""Failures of scopes: lifetimes, survival models, and a calendar of visits."""
