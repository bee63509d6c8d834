"""Reports: what is known of a spec in one view, and what happened in a period of time."""
