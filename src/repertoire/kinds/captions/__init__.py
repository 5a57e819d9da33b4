"""Images, each with captions."""
