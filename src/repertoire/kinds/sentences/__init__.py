"""Sentences with their neighbours."""
