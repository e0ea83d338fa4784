"""The live service: hand-ins are graded as they arrive, and students, markers and instructors see it on pages that refresh themselves."""
