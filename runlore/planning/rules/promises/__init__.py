"""The promise of 15 % where the log has many tasks: from what like tasks took of late."""
