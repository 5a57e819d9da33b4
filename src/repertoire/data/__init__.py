"""From a pinned source to validated tables and encoded splits."""
