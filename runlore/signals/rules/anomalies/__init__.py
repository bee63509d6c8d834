"""What is unusual, and how many alarms that may raise."""
