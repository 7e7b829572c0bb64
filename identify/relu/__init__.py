"""ReLU networks of any depth: exact KKT points, and second sample sets for the same weights."""
