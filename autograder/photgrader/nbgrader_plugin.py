"""Where the ``nbgrader_config.py`` of courses that were begun earlier finds `configure`."""

from photgrader.gradebook.plugin import configure

__all__ = ["configure"]
