"""Images alone, with captions, in pairs, of domains and styles."""
