"""A/B tests: variants compared on outcomes."""
