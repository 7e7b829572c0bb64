"""Degrees 3 and above where the tensor is not determined: what may be said all the same."""
