"""Reports: what is known of a spec, in one view."""
