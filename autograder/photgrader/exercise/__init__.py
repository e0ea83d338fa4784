"""What an exercise is (`definition`), which a course has (`catalogue`), and its answers on real files (`archive`)."""

from photgrader.exercise.catalogue import (
    Assignment,
    assignment_names,
    exercise_file,
    exercise_folder,
    exercises_of,
    load_assignment,
    sibling,
    use_course,
)
from photgrader.exercise.definition import CHEAP_SHARE, Case, Exercise, Implementation, OutFile

__all__ = [
    "CHEAP_SHARE",
    "Assignment",
    "Case",
    "Exercise",
    "Implementation",
    "OutFile",
    "assignment_names",
    "exercise_file",
    "exercise_folder",
    "exercises_of",
    "load_assignment",
    "sibling",
    "use_course",
]
