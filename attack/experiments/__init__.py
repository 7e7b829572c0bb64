"""How near the candidates came: metrics, comparisons with and without splitting, reports."""
