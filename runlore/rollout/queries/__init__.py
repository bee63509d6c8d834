"""The rollouts' SQL."""
