"""Section 3: the KKT conditions, the active set, and the reconstruction loss."""
