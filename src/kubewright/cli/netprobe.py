"""What `kubewright net probe` does, and how it shows what it found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kubewright.api.meta import ObjectKey
from kubewright.cli.main import fail
from kubewright.cli.netcalls import NOT_ASKED
from kubewright.cli.printing import show
from kubewright.client.config import ConnectionConfig
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.probing.report import Report, report_document, report_of
from kubewright.probing.standalone import probe
from kubewright.probing.target import ProbeTarget, parse_probe_target

FAILED, PARTLY = 1, 2
HERE = "this machine"


@dataclass(frozen=True, slots=True)
class Tried:
    """What was asked for."""

    target: str
    port: int | None
    pod: str
    container: str
    timeout_seconds: float
    ca_file: str | None
    namespace: str


async def show_probe(tried: Tried, output: str, config: Callable[[], ConnectionConfig]) -> int:
    """Try a target and print what was found; `config` is asked for only where a pod is. Returns the exit code."""
    try:
        target = parse_probe_target(tried.target, tried.port)
        report = await (_inside(tried, target, config()) if tried.pod else _here(tried, target))
    except OpError as error:
        fail(error)
        return NOT_ASKED
    show(output, lambda: report_document(report), lambda: lines(report))
    return FAILED if report.failed is not None else PARTLY if report.is_partial else 0


async def _here(tried: Tried, target: ProbeTarget) -> Report:
    try:
        trusted = await asyncio.to_thread(Path(tried.ca_file).read_text) if tried.ca_file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise OpError("net.probe", ErrorKind.INVALID, f"{tried.ca_file}", f"{error}") from error
    found = await asyncio.to_thread(
        probe,
        target.host,
        target.port,
        scheme=target.scheme,
        path=target.path,
        timeout=tried.timeout_seconds,
        ca_pem=trusted,
    )
    return report_of(found, f"{target}", HERE, "python", Clock.wall().now())


async def _inside(tried: Tried, target: ProbeTarget, config: ConnectionConfig) -> Report:
    from kubewright.client.http import HttpTransport
    from kubewright.probing.inside import probe_from_pod

    namespace, _, name = tried.pod.removeprefix("pod/").rpartition("/")
    key = ObjectKey(namespace or tried.namespace or config.namespace, name)
    transport = HttpTransport(config)
    try:
        return await probe_from_pod(
            transport,
            key,
            target,
            container=tried.container,
            timeout_seconds=tried.timeout_seconds,
            now=Clock.wall().now(),
        )
    finally:
        await transport.close()


def lines(report: Report) -> Iterator[str]:
    """Yield a report for people."""
    yield f"{report.target} from {report.origin}, by {report.by}"
    for each in report.layers:
        time = "" if each.seconds is None else f"{each.seconds * 1000:8.1f} ms"
        yield f"  {each.name:<5} {'ok' if each.ok else 'FAILED':<7}{time:>11}  {each.detail if each.ok else each.error}"
        if each.meaning:
            yield f"        {each.meaning}"
    for address, error in report.failed_addresses:
        yield f"  {address} does not answer: {error}"
    if (shown := report.certificate) is not None:
        ends = f"ends {shown.ends} ({shown.days_left:.0f} days)"
        yield f"  certificate of {shown.subject or 'nobody'} for {', '.join(shown.names) or 'no names'}, {ends}"
        yield f"    issued by {shown.issuer}"
    for name in ("route", "sockets"):
        if text := report.tools.get(name, ""):
            yield f"  {name}: {' '.join(text.split())}"
    for name in report.untried:
        yield f"  {name:<5} not tried: the image has no tool for it"
    yield from (f"  {note}" for note in report.notes)
