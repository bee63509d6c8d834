"""How people see reports: as a page, on paper, and as tables."""
