"""Ordinary training from known weights: given samples and residuals, every neuron flows alone."""
