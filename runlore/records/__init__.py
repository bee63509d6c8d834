"""Records of what happened: executions, metrics, and the formats that hold them."""
