"""One component as an operating system process: started with a log file, recognised later, ended for certain.

Called by `plane`. A process is recognised by its pid together with its start time, so that `down` never ends a
stranger who was given the pid of one of ours.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.cluster.failure import ClusterError

TERM_SECONDS = 5.0
KILL_SECONDS = 30.0
POLL_SECONDS = 0.05
PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec nothing may be imported or allocated that a lock could guard.
_LIBC: ctypes.CDLL | None = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Running:
    """A started component: enough to find its log, to recognise it and to end it from another process."""

    name: str
    pid: int
    started: str
    log: str

    def alive(self) -> bool:
        """Tell whether it is the same process and has not ended (a zombie has)."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        return _start_mark(self.pid) == self.started

    def log_tail(self, lines: int = 12) -> str:
        """Give the end of the log, which says why a component did not start."""
        return "\n".join(Path(self.log).read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def start(name: str, command: list[str], log: Path, *, leashed: bool) -> Running:
    """Start a component; a leashed one is killed by the kernel when the thread that started it ends.

    A session of its own keeps a Ctrl-C at the terminal from killing etcd before the API server could finish.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_leash(os.getpid()) if leashed else None,  # noqa: PLW1509  (only a C call that was loaded before)
        )
    mark = _start_mark(process.pid)
    if mark is None:
        raise ClusterError(f"{name} ended at once; its log is {log}")
    # Whoever ends it may be another process; Popen's own warning about an unfinished child says nothing then.
    process.returncode = 0
    return Running(name, process.pid, mark, str(log))


def end(components: list[Running]) -> None:
    """End the components in this order: SIGTERM, and `kill` for one that is still there after five seconds."""
    for component in components:
        _signal(component, signal.SIGTERM)
        if not _gone(component, TERM_SECONDS):
            kill(component)


def kill(component: Running) -> None:
    """End a component at once, as a crash would, and return when it is gone."""
    _signal(component, signal.SIGKILL)
    if not _gone(component, KILL_SECONDS):
        raise ClusterError(f"{component.name} (pid {component.pid}) cannot be killed")


def _signal(component: Running, number: signal.Signals) -> None:
    if component.alive():
        with contextlib.suppress(ProcessLookupError):
            os.kill(component.pid, number)


def _gone(component: Running, limit_seconds: float) -> bool:
    deadline = time.monotonic() + limit_seconds
    while component.alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _leash(parent: int) -> Callable[[], None]:
    def attach() -> None:
        if _LIBC is not None:
            _LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl, and nobody would tell us
            os._exit(1)

    return attach


def _start_mark(pid: int) -> str | None:
    """Give what tells this process from a later one of the same pid, or None when it is gone or a zombie."""
    if sys.platform != "linux":
        asked = subprocess.run(
            ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        state, _, mark = asked.stdout.strip().partition(" ")
        return None if not mark or state.startswith("Z") else mark.strip()
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, start_ticks = fields[0], fields[19]
    return None if state in {"Z", "X"} else start_ticks
