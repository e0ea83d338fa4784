"""Exercises of ps4: centroids, registration, alignment and stacking."""
