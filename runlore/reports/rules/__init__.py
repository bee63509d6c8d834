"""Pure rules of reports: what the figures of a version say."""
