"""Pure: what is fitted, how it is judged, and what passes."""
