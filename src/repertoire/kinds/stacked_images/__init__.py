"""Colour images of three grey ones, whose modes can be counted."""
