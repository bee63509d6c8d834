"""The A/B tests' SQL."""
