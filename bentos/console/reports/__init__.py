"""Reports of periods, and the schedules that make them."""
