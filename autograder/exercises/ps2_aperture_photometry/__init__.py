"""Apertures, growth curves, sky coordinates."""
