"""Running a command in a container, by the subprotocol `v5.channel.k8s.io` over a WebSocket.

Each message begins with the number of its channel: 1 and 2 are what the command writes, 3 is how it ended, as a Status.
The twin runs no commands and says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
import msgspec

from kubewright.api.core import PODS
from kubewright.api.meta import ObjectKey
from kubewright.client.http import HttpTransport
from kubewright.client.paths import object_path
from kubewright.client.status import Status, error_from_response
from kubewright.client.transport import Response
from kubewright.errors import ErrorKind, OpError

PROTOCOL = "v5.channel.k8s.io"
OUTPUT_BYTES_AT_MOST = 1 << 20
_STDOUT, _STDERR, _ERROR = 1, 2, 3
_OP = "client.exec"
_SUCCESS = "Success"
_EXIT_CODE = "ExitCode"


@dataclass(frozen=True, slots=True)
class Executed:
    """What a command wrote, and how it ended."""

    stdout: str
    stderr: str
    code: int | None
    """None where it could not be started; `stderr` then says why."""


async def execute(
    transport: HttpTransport,
    pod: ObjectKey,
    command: Sequence[str],
    *,
    container: str = "",
    timeout_seconds: float = 30,
) -> Executed:
    """Run a command in a pod's container (its first by default) and wait for its end. Raises OpError.

    What it writes beyond 1 MiB is dropped.
    """
    query = [("command", each) for each in command]
    query += [("container", container)] if container else []
    query += [("stdout", "true"), ("stderr", "true")]
    target = PODS.target(pod)
    try:
        async with asyncio.timeout(timeout_seconds):
            written, ended = await _run(transport, object_path(PODS, pod, "exec"), query, target)
    except TimeoutError as error:
        raise OpError(_OP, ErrorKind.TIMEOUT, target, f"no end within {timeout_seconds:.0f} s") from error
    stdout, stderr = (bytes(written[each]).decode(errors="replace") for each in (_STDOUT, _STDERR))
    code = _code(ended)
    return Executed(stdout, stderr if code is not None else f"{stderr}{ended.message}", code)


async def _run(
    transport: HttpTransport, path: str, query: Sequence[tuple[str, str]], target: str
) -> tuple[dict[int, bytearray], Status]:
    opened = await transport.upgraded(path, query, PROTOCOL)
    if isinstance(opened, Response):
        raise error_from_response(_OP, target, opened)
    written = {_STDOUT: bytearray(), _STDERR: bytearray()}
    try:
        async for message in opened:
            if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, text = message.data[0], message.data[1:]
            if channel == _ERROR:
                return written, _decoded(text, target)
            if (kept := written.get(channel)) is not None:
                kept += text[: OUTPUT_BYTES_AT_MOST - len(kept)]
    finally:
        await opened.close()
    raise OpError(_OP, ErrorKind.UNAVAILABLE, target, "the connection ended before the command did")


def _decoded(text: bytes, target: str) -> Status:
    try:
        return msgspec.json.decode(text, type=Status)
    except msgspec.DecodeError as error:
        raise OpError(_OP, ErrorKind.UNAVAILABLE, target, f"how the command ended cannot be read: {error}") from error


def _code(ended: Status) -> int | None:
    if ended.status == _SUCCESS:
        return 0
    causes = ended.details.causes if ended.details is not None else None
    said = next((each.message for each in causes or () if each.reason == _EXIT_CODE), "")
    return int(said) if said.isdecimal() else None
