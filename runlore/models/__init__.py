"""Specs, candidates, scores, gates and bundles: rules and mathematics only."""
