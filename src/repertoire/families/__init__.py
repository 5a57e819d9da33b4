"""One package a family, found by folder name; no family imports another."""
