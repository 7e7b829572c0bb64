"""What was found against what is true: metrics, matching, the truth of a victim."""
