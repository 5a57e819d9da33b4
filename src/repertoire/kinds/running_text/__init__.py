"""Text in its order: a stream of tokens a split."""
