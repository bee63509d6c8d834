"""What happens now: one stream of numbered events, and how everything stands."""
