"""Fully connected networks written out: activations, layers, forward and backward pass."""
