"""A/B tests as JSON and as files."""
