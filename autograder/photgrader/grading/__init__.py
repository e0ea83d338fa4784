"""One submission from intake to verdict and record; no nbgrader, no database."""
