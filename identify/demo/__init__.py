"""The demonstration: train on real images, verify, recover them from the weights."""
