"""JupyterLab's server on a hub: students, instructors, and the grader's account (which has PHOTCOURSE_COURSE_ROOT)."""

import os

c = get_config()  # noqa: F821 - given by traitlets

# A kernel that nobody looks at holds hundreds of megabytes.
c.MappingKernelManager.cull_idle_timeout = 3600
c.MappingKernelManager.cull_interval = 300
c.MappingKernelManager.cull_connected = False
c.ServerApp.quit_button = False
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"

_grader = bool(os.environ.get("PHOTCOURSE_COURSE_ROOT"))
_instructor = os.environ.get("PHOTCOURSE_ROLE") == "instructor"
c.ServerApp.jpserver_extensions = {
    "nbgrader.server_extensions.formgrader": _grader,
    "nbgrader.server_extensions.course_list": _instructor,
    "nbgrader.server_extensions.assignment_list": not _grader,
    "nbgrader.server_extensions.validate_assignment": True,
    "photcourse.hand_in": not _grader,
    "photgrader.serve.formgrader": _grader,
}
if _grader:
    # The formgrader opens in a frame of its own page; JupyterHub forbids all frames by default. Only the same site may.
    c.ServerApp.tornado_settings = {"headers": {"Content-Security-Policy": "frame-ancestors 'self'"}}
