"""Photographs, and a painting whose style they take."""
