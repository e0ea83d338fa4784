"""Everything that touches nbgrader: its exchange, its gradebook."""
