"""Pure: the ramp's policy, evidence and decisions."""
