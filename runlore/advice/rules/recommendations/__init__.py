"""What else to do: searched in one half of the runs, confirmed on the other."""
