"""The prediction service over HTTP, on BentoML, and the Bento that holds one version of it."""
