"""When posts engage most: hours and weekdays, pooled."""
