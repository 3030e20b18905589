"""`kubectl wright`: the same commands as a plugin of kubectl, and what completes them there.

kubectl runs an executable `kubectl-wright` with the words after `wright`, and for completion
`kubectl_complete-wright` with the words so far, the last of them unfinished.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import click
from click.shell_completion import CompletionItem, ShellComplete

from kubewright.cli.main import cli, run
from kubewright.cli.terminal import say

NAME = "kubectl wright"
_NO_FILES = ":4"
_FILES = ":0"
"""Directives of cobra, kubectl's library of commands."""


class _Words(ShellComplete):
    """Completes words that are given, not read from a shell's variables."""

    name = "kubectl"
    source_template = ""

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.value}\t{item.help}" if item.help else str(item.value)


def main() -> None:
    """Run a command as `kubectl wright`."""
    sys.exit(run(lambda: cli.main(prog_name=NAME, standalone_mode=False)))


def complete() -> None:
    """Print completions, a line each, and a directive at the end."""
    for line in completions(sys.argv[1:]):
        say(line)


def completions(words: Sequence[str]) -> Iterator[str]:
    """Yield what kubectl expects of `kubectl_complete-wright`."""
    *before, unfinished = words or [""]
    shell = _Words(cli, {}, NAME, "")
    try:
        found = shell.get_completions(list(before), unfinished)
    except click.ClickException:
        found = []
    yield from (shell.format_completion(each) for each in found if each.type == "plain")
    yield _FILES if any(each.type in {"file", "dir"} for each in found) else _NO_FILES
