"""Music as notes that sound at each step."""
