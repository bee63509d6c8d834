"""What people do in the marketplace."""
