"""What starts a flow without a clock: work that became due is said to Prefect as an event."""
