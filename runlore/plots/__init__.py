"""How every plot looks."""
