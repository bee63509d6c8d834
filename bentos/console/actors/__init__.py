"""Actors: what each usually does and when, and its risks."""
