"""What happened: executions, metrics, and the errors and instants that they share."""
