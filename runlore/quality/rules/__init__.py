"""Pure: contracts and the checks of a batch."""
