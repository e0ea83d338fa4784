"""Makes this folder an nbgrader course whose autograding is the safe one (see autograder/)."""

import os
import pathlib

from photgrader.gradebook.plugin import configure

c = get_config()  # noqa: F821 - given by traitlets

configure(c, pathlib.Path(__file__).resolve().parent)
c.CourseDirectory.course_id = os.environ.get("PHOTCOURSE_COURSE_ID", "starlight")
c.Exchange.root = os.environ.get("PHOTCOURSE_EXCHANGE", "/srv/nbgrader/exchange")
