"""The hot path: predictions, group commit, live versions, the follower, the shadow."""
