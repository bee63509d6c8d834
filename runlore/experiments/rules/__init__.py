"""Pure: designs, confidence sequences and analyses."""
