"""The numbers of the page: pure."""
