"""The checked ledger as text, JSON, one self-contained page, and the list of errata."""
