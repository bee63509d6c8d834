"""Pure rules of serving: what a version knows about a request, and limits in tools' own words."""
