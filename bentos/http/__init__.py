"""What every route shares: errors, bodies, fields, metrics."""
