"""What single readers need: formats and generators of published corpora."""
