"""A straight line through lengths.

Hooke's law (Hooke 1678).
"""
