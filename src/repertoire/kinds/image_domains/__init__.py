"""Two collections of images without pairs."""
