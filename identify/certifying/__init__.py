"""Writes certificates: what ``identify.checker`` then proves without these programs."""
