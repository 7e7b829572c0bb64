"""What each attack says the weights are a sum of, on one protocol (``protocol.Map``)."""
