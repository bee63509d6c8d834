"""Privacy: whose data may be used, and what is told about many personas without telling on one."""
