"""Blocks of networks that are worth a name of their own."""
