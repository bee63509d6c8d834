"""Ready specs, one per file, each with a module-level `SPEC`."""
