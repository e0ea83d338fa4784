"""The challenge: photometry of a crowded field, graded on a scale."""
