"""``photgrader completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_FILES = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/completions/photgrader.fish"}


@click.command()
@click.argument("shell", type=click.Choice(sorted(_FILES)))
def command(shell: str) -> None:
    """Print the script that completes commands, options and names of assignments in SHELL.

    \b
    Examples:
      eval "$(photgrader completion bash)"
      photgrader completion zsh >> ~/.zshrc
      photgrader completion fish > ~/.config/fish/completions/photgrader.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None, shell
    # Built here and not by click's own `source`, which asks the shell for its version first.
    script = kind(click.get_current_context().find_root().command, {}, "photgrader", "_PHOTGRADER_COMPLETE")
    click.echo(script.source_template % script.source_vars())
