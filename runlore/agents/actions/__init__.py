"""What people and agents do with agents and tasks."""
