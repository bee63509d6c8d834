"""Pure decisions about agents and tasks."""
