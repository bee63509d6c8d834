"""One spec: versions, quality, drift, rollout and trainings."""
