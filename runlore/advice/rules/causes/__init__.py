"""Why executions failed: what fails more than like executions do, or that it is not known."""
