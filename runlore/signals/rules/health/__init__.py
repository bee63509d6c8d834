"""What past parts say about later failures."""
