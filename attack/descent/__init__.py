"""Algorithm 1: descent, splitting, merging, and the loop that alternates them."""
