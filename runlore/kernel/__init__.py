"""What everything shares: instants, errors, digests, moments. No input or output."""
