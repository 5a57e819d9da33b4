"""Requests wait here, share runs and are counted."""
