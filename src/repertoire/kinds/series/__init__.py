"""One series of numbers in time."""
