"""Has the data moved? Histograms of all rows, statistics over them, and a verdict with reasons."""
