"""All commands, walked one by one: help with examples that hold, exit codes, completion."""

from __future__ import annotations

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from photgrader.cli import main, main_group
from support import ASSIGNMENT, ROOT


def walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command and subcommand with the words that call it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None, name
            yield from walk(found, (*path, name))


COMMANDS = dict(walk(main_group))
IDS = [" ".join(path) or "photgrader" for path in COMMANDS]


def examples(path: tuple[str, ...]) -> list[list[str]]:
    """Return the calls of photgrader that a command's help shows, as words."""
    block = re.search(r"Examples?:\n((?:[ \t]+\S.*\n?)+)", (COMMANDS[path].help or "") + "\n")
    lines = block[1].splitlines() if block else []
    return [shlex.split(call)[1:] for line in lines for call in re.findall(r"(?<![\w/.-])photgrader [^|>&)]*", line)]


@pytest.mark.parametrize("path", COMMANDS, ids=IDS)
def test_every_command_says_what_it_does_with_an_example(path):
    for command in COMMANDS.values():
        # click keeps the first option for help that is made, and another test may have called a command alone.
        command._help_option = None
    done = CliRunner().invoke(main_group, [*path, "--help"])
    assert done.exit_code == 0 and "Usage:" in done.output
    assert CliRunner().invoke(main_group, [*path, "-h"]).output == done.output
    assert re.search(r"^\s*Examples?:$", done.output, re.MULTILINE) and examples(path), f"{path} shows no example"
    assert COMMANDS[path].get_short_help_str()


def takes(words: list[str]) -> None:
    """Let the commands parse a call, without running it; files that it names need not be there."""
    context: click.Context | None = None
    command: click.Command = main_group
    rest = list(words)
    while isinstance(command, click.Group):
        context = click.Context(command, parent=context)
        found = command.get_command(context, rest[0])
        assert found is not None, f"there is no {words}"
        command, rest = found, rest[1:]
    for param in command.params:
        if isinstance(param.type, click.Path):
            param.type.exists = False
    command.make_context(words[0], rest, parent=context)


@pytest.mark.parametrize("path", COMMANDS, ids=IDS)
def test_every_example_is_a_call_that_the_command_takes(path):
    for words in examples(path):
        takes(words)


PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_every_command_in_the_pages_is_a_call_that_is_taken(page):
    blocks = re.findall(r"^```\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for line in (line for block in blocks for line in block.splitlines()):
        for call in re.findall(r"(?:^|\s)(photgrader [^|>&)#]*)", line):
            takes(shlex.split(call)[1:])


def test_the_pages_of_instructor_and_grader_show_their_commands():
    for name, wanted in (
        ("instructor", {"roster", "deadlines", "status", "assign", "student-repo", "anonymise", "report", "build"}),
        ("grader", {"doctor", "grade", "status", "assign", "replay", "regrade"}),
    ):
        text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
        assert wanted <= set(re.findall(r"^photgrader ([a-z-]+)", text, re.MULTILINE)), name


@pytest.mark.parametrize("path", COMMANDS, ids=IDS)
def test_every_option_says_what_it_is_for(path):
    assert [p.name for p in COMMANDS[path].params if isinstance(p, click.Option) and not p.help] == []


def test_the_help_of_all_says_what_the_exit_codes_mean():
    text = " ".join((main_group.help or "").split())
    assert all(f"{code} " in text for code in (0, 1, 2, 130)) and "Exit codes" in text


def test_every_argument_that_names_an_assignment_is_completed():
    from photgrader.commands.common import ASSIGNMENT as KIND

    found = {
        path: p.type
        for path, c in COMMANDS.items()
        for p in c.params
        if isinstance(p, click.Argument) and p.name in ("assignment", "assignments")
    }
    assert len(found) >= 7
    assert [path for path, kind in found.items() if kind is not KIND] == []


def test_an_unknown_command_or_option_ends_with_2():
    assert CliRunner().invoke(main_group, ["grade-all"]).exit_code == 2
    for path in COMMANDS:
        assert CliRunner().invoke(main_group, [*path, "--no-such-option"]).exit_code == 2, path


def test_outside_of_a_course_one_sentence_and_2(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["status"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("photgrader: ") and "not in a course" in said and "Traceback" not in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell):
    done = CliRunner().invoke(main_group, ["completion", shell])
    assert done.exit_code == 0 and f"_PHOTGRADER_COMPLETE={shell}_complete" in done.output


def test_the_shell_completes_commands_options_and_assignments():
    """The script in a real bash, as somebody presses the tab key."""
    bash = shutil.which("bash")
    assert bash, "bash is needed"
    script = """
eval "$(photgrader completion bash)"
complete_it() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _photgrader_completion photgrader; printf '%s\\n' "${COMPREPLY[@]}"; }
complete_it photgrader sta
complete_it photgrader grade ps1
complete_it photgrader grade --sched
"""
    path = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [bash, "--norc", "-c", script],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.stdout.split() == ["status", ASSIGNMENT, "--scheduler"], done.stderr


@pytest.mark.parametrize("page", ["README.md", "docs/instructor.md", "docs/grader.md"])
def test_who_reads_a_page_of_commands_is_told_where_they_are(page):
    """They are in an environment, on no path: neither a shell nor sudo finds them by their names."""
    text = (ROOT / page).read_text(encoding="utf-8")
    assert "source .venv/bin/activate" in text and "sudo photgrader" not in text


@pytest.mark.parametrize(
    "begun", ["from photgrader.cli import main; main(['--version'])", "import photgrader.gradebook.plugin"]
)
def test_a_process_that_ends_looks_for_no_garbage_in_what_it_imported(begun):
    # What is registered first runs last.
    said = f"import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count())); {begun}"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", said], capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[-1]) > 10_000


def test_a_command_that_is_stopped_while_it_imports_ends_as_any_other_that_is_stopped(monkeypatch):
    def stopped(*words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(main_group), "get_command", stopped)
    done = CliRunner().invoke(main_group, ["status"])
    assert (done.exit_code, done.stderr.strip()) == (130, "Stopped.")
