"""What the weights say: activation, weights, front doors, and the equations in the row space."""
