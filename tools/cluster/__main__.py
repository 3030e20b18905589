"""The command line of the control plane: `python -m tools.cluster build|up|down|status`; builds other programs, too."""

import argparse
import sys
from pathlib import Path

from tools.cluster.binaries import (
    ALERTMANAGER,
    CONTROL_PLANE,
    CONTROLLER_RUNTIME,
    HELM,
    INFORMERS,
    KUBE_SCORE,
    PROMETHEUS,
    VERSION,
)
from tools.cluster.failure import ClusterError
from tools.cluster.gomodule import cache_root
from tools.cluster.plane import ControlPlane


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it did what it says, 1 with one line on stderr when it could not."""
    options = _parser().parse_args(arguments)
    try:
        return COMMANDS[options.command](options)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _build(options: argparse.Namespace) -> int:
    MODULES[options.what].build()
    return 0


def _up(options: argparse.Namespace) -> int:
    if (options.state / "plane.json").exists() and any(ControlPlane.attach(options.state).alive().values()):
        print(f"already running: export KUBECONFIG={options.state / 'kubeconfig'}")
        return 0
    if not CONTROL_PLANE.built():
        CONTROL_PLANE.build()
    plane = ControlPlane.start(
        options.state, controllers=options.controllers, scheduler=options.scheduler, leashed=False
    )
    print(f"Kubernetes {VERSION} at {plane.server}, ready in {plane.start_seconds:.1f} s")
    print(f"export KUBECONFIG={plane.kubeconfig}")
    return 0


def _down(options: argparse.Namespace) -> int:
    plane = ControlPlane.attach(options.state)
    names = [name for name, alive in plane.alive().items() if alive]
    plane.stop()
    print(f"ended: {', '.join(names) or 'nothing was running'}")
    return 0


def _status(options: argparse.Namespace) -> int:
    plane = ControlPlane.attach(options.state)
    for name, alive in plane.alive().items():
        print(f"{name:25} {'running' if alive else 'ended':8} pid {plane.running[name].pid}")
    ready = plane.https().answers("/readyz")
    print(f"{plane.server} {'ready' if ready else 'not ready'}; KUBECONFIG={plane.kubeconfig}")
    return 0 if ready and all(plane.alive().values()) else 1


MODULES = {
    module.name: module
    for module in (CONTROL_PLANE, PROMETHEUS, ALERTMANAGER, INFORMERS, KUBE_SCORE, HELM, CONTROLLER_RUNTIME)
}
COMMANDS = {"build": _build, "up": _up, "down": _down, "status": _status}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser(
        "build", help="build binaries into the cache (the control plane: about ten minutes, once)"
    )
    build.add_argument("what", nargs="?", choices=list(MODULES), default=CONTROL_PLANE.name)
    for name, summary in (
        ("up", "start a control plane that stays until `down`"),
        ("down", "end the control plane of --state"),
        ("status", "tell what runs in --state"),
    ):
        command = commands.add_parser(name, help=summary)
        command.add_argument("--state", type=Path, default=cache_root() / "cluster", help="where its files are")
        if name == "up":
            command.add_argument("--no-controllers", dest="controllers", action="store_false")
            command.add_argument("--no-scheduler", dest="scheduler", action="store_false")
    return parser


if __name__ == "__main__":
    sys.exit(main())
