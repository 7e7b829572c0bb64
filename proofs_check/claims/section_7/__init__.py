"""Section 7: the discussion."""
