"""Use cases as Prefect tasks: retries, timeouts and artifacts; no rules."""
