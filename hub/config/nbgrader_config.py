"""nbgrader's configuration on a hub, for students, instructors and the grader's account: the environment says which."""

import os
import pathlib

c = get_config()  # noqa: F821 - given by traitlets

c.CourseDirectory.course_id = os.environ.get("PHOTCOURSE_COURSE_ID", "starlight")
c.Exchange.root = os.environ.get("PHOTCOURSE_EXCHANGE", "/srv/nbgrader/exchange")
c.Exchange.path_includes_course = True
# A hand-in is there whole or not at all, and goes by the hub's name of the student.
c.ExchangeFactory.submit = "photcourse.hand_in.AtomicSubmit"
# Validate gives a cell 30 seconds by default, and on a hub where everybody checks at once that is little: a right
# notebook must not fail by the clock.
c.Execute.timeout = 120
c.Execute.startup_timeout = 180
if os.environ.get("JUPYTERHUB_API_TOKEN"):
    # Who takes part is what the hub's groups say. Outside of the hub (a cron job, a shell) the plugin would only raise.
    c.Authenticator.plugin_class = "nbgrader.auth.JupyterHubAuthPlugin"

root = os.environ.get("PHOTCOURSE_COURSE_ROOT")
if root:
    from photgrader.gradebook.plugin import configure

    configure(c, pathlib.Path(root))
