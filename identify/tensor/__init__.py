"""The tensor of the samples and the rank conditions that determine it (paper, section 4.2)."""
