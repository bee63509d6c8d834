"""What runs on a clock: one flow per file, each an order of tasks."""
