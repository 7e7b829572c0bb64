"""Section 4: linear, quadratic and higher activations, and Theorem 4.1."""
