"""The ledger of machine-checked claims; nothing is here yet."""
