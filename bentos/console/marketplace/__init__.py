"""The marketplace: packages, their permissions, and what an update brings."""
