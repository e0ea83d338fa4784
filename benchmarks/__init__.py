"""Benchmarks of the course and its grader; no part of a wheel."""
