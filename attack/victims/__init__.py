"""The networks under attack: how they are trained and stored."""
