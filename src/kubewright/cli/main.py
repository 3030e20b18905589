"""`kubewright`: the commands, each loaded when it is asked for, and the one place where a failure becomes a message."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from kubewright import __version__
from kubewright.cli.exits import Exit
from kubewright.cli.terminal import say
from kubewright.errors import OpError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

NAME = "kubewright"
E = TypeVar("E", bound=BaseException)
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
_FILES = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP}
"""What a file that somebody named may be wrong with; an error of these that names none is a mistake of the program."""
COMMANDS = {
    "demo": ("kubewright.cli.demo.command:demo", "Applications deployed, broken and repaired on an embedded cluster."),
    "up": ("kubewright.cli.up:up", "Run the platform against a cluster."),
    "install": ("kubewright.cli.install:install", "Put the platform into a cluster, or bring it up to this release."),
    "uninstall": ("kubewright.cli.uninstall:uninstall", "Take it out again; applications run on."),
    "run": ("kubewright.cli.run:run", "Run one service of the platform by itself."),
    "agent": ("kubewright.cli.agent:agent", "Watch over the node that it runs on: kernel, disks, clock, neighbours."),
    "gpu-agent": ("kubewright.cli.gpuagent:gpu_agent", "Give pods of this node the GPUs chosen for them."),
    "status": ("kubewright.cli.status:status", "Say on one screen whether all is well."),
    "top": ("kubewright.cli.top:top", "Watch nodes, applications, the queue and incidents live in the terminal."),
    "doctor": ("kubewright.cli.doctor:doctor", "Check whether a cluster is fit for kubewright, and say what to do."),
    "rollout": ("kubewright.cli.rollout:rollout", "Show, steer and undo the rollout of an AppService."),
    "why": ("kubewright.cli.why:why", "Say why a pod waits for a node, and what would let it run."),
    "net": ("kubewright.cli.net:net", "Say who reaches whom in a cluster, and which rule decides it."),
    "whatif": ("kubewright.cli.whatif:whatif", "Show what a change would do to a cluster's pods, before it is made."),
    "consolidate": ("kubewright.cli.consolidate:consolidate", "Show which nodes could be given back at a saving."),
    "defrag": ("kubewright.cli.defrag:defrag", "Show which pods to move so that more GPUs can be given out."),
    "team": ("kubewright.cli.team:team", "Onboard, show and offboard teams; let somebody in for a while."),
    "size": ("kubewright.cli.size:size", "Show what workloads should request, and what that would save."),
    "cost": ("kubewright.cli.cost:cost", "Show what teams, applications and nodes cost, and what is wasted."),
    "backtest": ("kubewright.cli.backtest:backtest", "Replay policies for replicas on recorded load, and choose."),
    "import": ("kubewright.cli.imports:import_", "Print ScalePolicies made of ScaledObjects and autoscalers."),
    "drill": ("kubewright.cli.drill:drill", "Break something on purpose, and see how soon it is mended."),
    "replay": ("kubewright.cli.replay:replay", "Live through a working day twice: as kubewright has it, and as stock."),
    "twin": ("kubewright.cli.twin:twin", "Serve an embedded cluster that kubectl can use."),
    "dashboard": ("kubewright.cli.dashboard:dashboard", "Show the cluster in a browser."),
    "incidents": ("kubewright.cli.incidents:incidents", "Show what is wrong, and steer what the healer does about it."),
    "audit": ("kubewright.cli.audit:audit", "Show, verify and export what the platform decided and did."),
    "new": ("kubewright.cli.new:new", "Begin an operator of your own, or add a kind to it."),
    "operate": ("kubewright.cli.operate:operate", "Run an operator of your own against a cluster."),
    "test": ("kubewright.cli.test:test", "Put an operator through every fault, on the twin."),
    "render": ("kubewright.cli.render:render", "Print what AppServices become, for GitOps; no cluster is asked."),
    "diff": ("kubewright.cli.diff:diff", "Show what applying AppServices would change in a cluster."),
    "argocd": ("kubewright.cli.argocd:argocd", "Print how Argo CD judges AppServices, for kubectl apply."),
    "guardrails": ("kubewright.cli.guardrails:guardrails", "What PlatformPolicies refuse, as code, and tried."),
    "monitoring": ("kubewright.cli.monitoring:monitoring", "Rules, scrapes, routes and dashboards, as code."),
    "rbac": ("kubewright.cli.rbac:rbac", "Print the ServiceAccount and the rights that `up` needs, for kubectl apply."),
    "completion": ("kubewright.cli.completion:completion", "Print what completes commands and names in a shell."),
    "crds": ("kubewright.cli.crds:crds", "Print the CustomResourceDefinitions, for kubectl apply."),
}
"""Name -> where it is, and its line of help: listing the commands imports none of them."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are invoked."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the names in the order in which they are shown."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        return getattr(importlib.import_module(module), attribute)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the names of commands without importing them."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="kubewright")
def cli() -> None:
    """Automated operations for Kubernetes: every decision is a plan that can be rehearsed before it is made."""


def main() -> None:
    """Run the command line; the exit code is one of `exits.Exit`."""
    sys.exit(run(lambda: cli.main(prog_name=NAME, standalone_mode=False)))


def run(command: Callable[[], Any]) -> int:
    """Run a command and turn its failure into one line on standard error."""
    try:
        result = command()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED
    except BaseException as error:
        if found(error, BrokenPipeError) is not None:
            # The reader has gone (`| head`): say nothing, and keep the interpreter from trying once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return Exit.FAILED
        failure, refusal = found(error, OpError), found(error, OSError)
        if failure is not None:
            fail(failure)
        elif refusal is not None and _is_of_files(refusal):
            named = refusal.filename2 or refusal.filename
            where = f"{named}: " if named else ""
            say(f"kubewright: {where}{refusal.strerror}", err=True)
        else:
            raise
        return Exit.FAILED
    return result if isinstance(result, int) else 0


def _is_of_files(refusal: OSError) -> bool:
    """Whether a disk, also one behind standard output, or a file that is named refuses: the program is all right."""
    return refusal.errno in _FULL or (refusal.errno in _FILES and bool(refusal.filename))


def fail(failure: OpError) -> None:
    """Say on standard error what went wrong, and below it what to do."""
    from kubewright.cli.nextsteps import next_step

    say(f"kubewright: {failure}", err=True)
    if step := next_step(failure):
        say(f"  next: {step}", err=True)


def found(error: BaseException, kind: type[E]) -> E | None:
    """Find the error of a kind that a TaskGroup may have wrapped."""
    if isinstance(error, kind):
        return error
    if isinstance(error, BaseExceptionGroup):
        inside = (found(inner, kind) for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions)
        return next((inner for inner in inside if inner is not None), None)
    return None
