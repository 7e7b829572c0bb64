"""Section 5: sample splitting and Algorithm 1."""
