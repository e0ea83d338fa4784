"""Assignment ps3: backgrounds and their errors."""
