"""Posts as rows of a federated model, and the model that comes of it."""
