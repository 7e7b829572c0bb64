"""Exact KKT points of the max-margin problem for polynomial activations."""
