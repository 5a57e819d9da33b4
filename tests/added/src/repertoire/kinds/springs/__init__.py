"""How long a spring becomes under a load."""
