"""How every plot looks, drawn by matplotlib or as SVG."""
