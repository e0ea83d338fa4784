"""What kernels are to read must be readable: root starts them as other users, and a umask may have kept it all from them."""

from __future__ import annotations

import os
import subprocess

import pytest

from photgrader.sandbox import jail


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "a package"
    (made / "lib").mkdir(parents=True)
    (made / "lib" / "__init__.py").write_text("")
    subprocess.run(["chmod", "-R", "u=rwX,go=rX", made], check=True)
    return made


@pytest.mark.parametrize(("closed", "mode"), [("", 0o750), ("lib", 0o700), ("lib", 0o744), ("lib/__init__.py", 0o640)])
def test_what_kernels_may_not_read_is_refused_with_the_command_that_mends_it(folder, closed, mode, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    jail.require_readable(folder, "lib", "lib/*")
    (folder / closed).chmod(mode)
    with pytest.raises(jail.SandboxMissing, match="may not read") as refused:
        jail.require_readable(folder, "lib", "lib/*")
    assert str(folder / closed) in str(refused.value)
    command = str(refused.value).partition("`")[2].partition("`")[0]
    subprocess.run(command, shell=True, check=True)
    jail.require_readable(folder, "lib", "lib/*")


def test_kernels_of_an_ordinary_grader_are_that_user_and_links_to_nothing_are_nobodys(folder, monkeypatch):
    (folder / "lib" / "gone").symlink_to("nowhere")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    jail.require_readable(folder, "lib/*")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    folder.chmod(0o700)
    jail.require_readable(folder, "lib/*")
