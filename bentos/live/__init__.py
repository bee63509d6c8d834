"""Live events to many clients: one listener in each worker, and a cursor for each client."""
