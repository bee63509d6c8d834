"""What a user declares as data: model specs and their catalog."""
