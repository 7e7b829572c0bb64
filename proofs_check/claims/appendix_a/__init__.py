"""Appendix A: the proof of Theorem 4.1 step by step, and polynomial activations."""
