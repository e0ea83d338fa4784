"""A kernel provisioner that starts kernels in the jail, so that no caller needs to know of it."""

from __future__ import annotations

import os
import pathlib
import sys
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner
from traitlets import Instance, Int, Unicode

from photgrader.coursedir.settings import Limits
from photgrader.sandbox import room
from photgrader.sandbox.jail import RunFolders, jail_command


class SandboxProvisioner(LocalProvisioner):
    """Starts a kernel in the jail; named ``photgrader-sandbox`` in a kernel specification.

    Its traits come from the specification's ``kernel_provisioner.config``.
    """

    work = Unicode(help="The submission's folder, writable inside.")
    sockets = Unicode(help="Folder of the kernel's sockets and connection file.")
    uid = Int(0, help="User that root starts the kernel as.")
    python = Unicode("", help="Python of the students' environment.")
    data = Unicode("", help="Folder of real data files.")
    limits = Instance(Limits, args=())

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start `cmd` in the jail."""
        kwargs.pop("env", None)
        place = RunFolders(pathlib.Path(self.work), pathlib.Path(self.sockets))
        wrapped = jail_command(cmd, place, self.limits, uid=self.uid, python=self.python, data=self.data)
        uid = self.uid if os.geteuid() == 0 else os.getuid()
        words = (str(place.work.parent), self.limits.folder_mb, self.limits.files, uid)
        wrapped = [sys.executable, "-P", room.__file__, *map(str, words), *wrapped]
        # bubblewrap itself needs a path and nothing else of the grader's environment.
        environment = {"PATH": os.environ.get("PATH", os.defpath)}
        return await super().launch_kernel(wrapped, env=environment, **{**kwargs, "cwd": "/"})
