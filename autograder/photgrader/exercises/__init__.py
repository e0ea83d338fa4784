"""Exercises by assignment; a course's own lie in ``exercises/`` beside its ``source/`` (`photgrader.exercise.use_course`)."""

import os

__path__ = [*__path__, *(folder for folder in os.environ.get("PHOTGRADER_EXERCISES", "").split(os.pathsep) if folder)]
