"""Pure functions of numpy arrays."""
