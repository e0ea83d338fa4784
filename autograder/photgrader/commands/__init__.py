"""Subcommands of ``photgrader``, one a module, each with a `command`."""
