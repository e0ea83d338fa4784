"""Is the grading good: variants, misconceptions, mutants."""
