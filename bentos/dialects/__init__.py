"""Older products' own words for what Runlore does: they translate, and decide nothing."""
