"""A probe from inside a pod, by whatever its image has: Python, curl, or the tools of small images.

Nothing is installed. Python runs `standalone` itself and tells everything; curl times every layer; a shell with getent,
nc and wget only says which layer fails.
"""

from __future__ import annotations

import base64
import inspect
import json
import zlib
from collections.abc import Mapping
from typing import Any

from kubewright.api.meta import ObjectKey
from kubewright.client.execute import Executed, execute
from kubewright.client.http import HttpTransport
from kubewright.errors import ErrorKind, OpError
from kubewright.probing import standalone
from kubewright.probing.report import Report, report_of
from kubewright.probing.target import ProbeTarget
from kubewright.probing.tools import NO_PROTOCOL, SHELL, by_curl, by_shell, curl_arguments, untried

_OP = "net.probe"
_NOT_FOUND = frozenset({126, 127})
_MISSING = ("not found", "no such file or directory")
_SPARE_SECONDS = 20


async def probe_from_pod(
    transport: HttpTransport, pod: ObjectKey, target: ProbeTarget, *, container: str, timeout_seconds: float, now: float
) -> Report:
    """Probe a target from a container of a pod (its first by default). Raises OpError, also where it has no tool."""
    arguments = [target.host, str(target.port), target.scheme, target.path]
    whole = _SPARE_SECONDS + 5 * timeout_seconds
    origin = f"pod/{pod}"

    async def run(*command: str) -> Executed | None:
        """Return what came of it; None where the container has no such program."""
        done = await execute(transport, pod, command, container=container, timeout_seconds=whole)
        return None if _is_missing(done, pod) else done

    done = await run("python3", "-c", packed(), *arguments, f"{timeout_seconds:g}")
    if done is not None and done.code == 0:
        return report_of(_document(done.stdout, pod), f"{target}", origin, "python3", now)
    done = await run("curl", *curl_arguments(target, timeout_seconds))
    if done is not None and done.code != NO_PROTOCOL:
        return Report(f"{target}", origin, "curl", by_curl(done, target))
    done = await run("sh", "-c", SHELL, "sh", *arguments, f"{max(1, round(timeout_seconds))}")
    layers = by_shell(done.stdout) if done is not None else ()
    if not layers:
        detail = "its image has none of python3, curl, wget, nc, getent: try another container, or a pod like it"
        raise OpError(_OP, ErrorKind.NOT_FOUND, f"Pod/{pod}", detail)
    notes = ("the image has no tool that times layers",)
    return Report(f"{target}", origin, "sh", layers, untried=untried(layers, target), notes=notes)


def packed() -> str:
    """Return the probe as a program of one line, short enough for the address of a request that passes proxies."""
    source = base64.urlsafe_b64encode(zlib.compress(inspect.getsource(standalone).encode(), 9)).decode()
    return f"import base64,zlib;exec(zlib.decompress(base64.urlsafe_b64decode('{source}')))"


def _is_missing(done: Executed, pod: ObjectKey) -> bool:
    """Whether the container has no such program; raises OpError for one that could not be started at all."""
    if done.code is not None:
        return done.code in _NOT_FOUND
    if any(each in done.stderr.lower() for each in _MISSING):
        return True
    raise OpError(_OP, ErrorKind.UNAVAILABLE, f"Pod/{pod}", done.stderr.strip() or "the command did not start")


def _document(text: str, pod: ObjectKey) -> Mapping[str, Any]:
    try:
        return json.loads(text)
    except ValueError as error:
        raise OpError(_OP, ErrorKind.UNAVAILABLE, f"Pod/{pod}", f"python3 there wrote: {text[:200]}") from error
