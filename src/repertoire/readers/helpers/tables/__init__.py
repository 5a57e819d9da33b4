"""Tables of numbers and of interactions."""
