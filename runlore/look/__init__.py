"""A first look at a log file: one page that says what could have been known before each run."""
