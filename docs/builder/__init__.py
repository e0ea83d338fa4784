"""Builds the course's web site: runs the lectures, makes the tables, lays everything out for Sphinx, checks the pages."""
