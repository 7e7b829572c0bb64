"""From the determined tensor to the samples, with a bound for each."""
