"""A class made of variants and misconceptions."""
