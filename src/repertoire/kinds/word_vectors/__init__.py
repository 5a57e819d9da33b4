"""Running text for vectors of words, with human ratings of similarity."""
