"""The published reconstruction attacks on trained networks, with and without sample splitting."""
