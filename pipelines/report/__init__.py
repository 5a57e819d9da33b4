"""report: everything that was measured and drawn -> reports/index.html, one file."""
