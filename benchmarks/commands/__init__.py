"""Subcommands of ``photgrader`` that only a checkout has."""
