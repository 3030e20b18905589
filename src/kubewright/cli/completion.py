"""`kubewright completion SHELL`: what a shell evaluates to complete commands, options and the names of live objects."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from kubewright.cli.terminal import say

VARIABLE = "_KUBEWRIGHT_COMPLETE"
"""By this variable the shell asks; click answers instead of running a command."""
SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the completion of a shell.

    bash: source <(kubewright completion bash)
    zsh:  source <(kubewright completion zsh)
    fish: kubewright completion fish | source
    """
    from kubewright.cli.main import NAME, cli

    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"there is no completion for {shell}")
    say(found(cli, {}, NAME, VARIABLE).source())
