"""The optimisation attack on a trained network; nothing is here yet."""
