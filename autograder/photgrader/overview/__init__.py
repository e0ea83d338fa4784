"""What an instructor looks at."""
