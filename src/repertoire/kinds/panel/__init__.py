"""Several series that are measured at the same times."""
