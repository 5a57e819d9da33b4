"""Pen strokes of drawings and of fonts."""
