"""Instances whose truth is known by construction, and a judge of what is said about them."""
