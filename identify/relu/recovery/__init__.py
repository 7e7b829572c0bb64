"""Exact recovery from ReLU networks of any depth whose initial weights are known."""
