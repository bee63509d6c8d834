"""Values as they were known at an instant: declarations, the fold, and the matrix they give."""
