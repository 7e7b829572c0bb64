"""Appendix B: the best split, its remainder, and the number of iterations."""
