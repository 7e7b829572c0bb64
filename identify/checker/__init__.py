"""Checks certificates against weights, with nothing of the programs that wrote them."""
