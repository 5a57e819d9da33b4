"""Movements of a pen, with the text that is written where it is known."""
