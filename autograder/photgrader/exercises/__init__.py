"""Where the exercises of a course appear to Python, assignment by assignment; none of them lives here.

`photgrader.exercise.use_course` names the folder: ``exercises/`` beside a course's ``source/``, or what its ``photgrader.toml`` says.
"""

import os

__path__ = [folder for folder in os.environ.get("PHOTGRADER_EXERCISES", "").split(os.pathsep) if folder]
