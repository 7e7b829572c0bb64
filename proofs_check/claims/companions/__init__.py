"""Statements of papers that the paper builds on."""
