"""`kubewright audit`: what was decided and done, and whether anybody has changed what was written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kubewright.cli.columns import Table
from kubewright.cli.connection import cluster_options, connected, connection
from kubewright.cli.exits import Exit
from kubewright.cli.options import TOLD, output_option
from kubewright.cli.printing import show as printed
from kubewright.cli.printing import show_table
from kubewright.cli.terminal import say

if TYPE_CHECKING:
    from kubewright.audit.chain import Named
    from kubewright.client.protocol import Client

_FORM = output_option(TOLD)
_HEAD = ("WHEN", "KIND", "WHO", "ABOUT", "WHAT")
_FILE = click.option(
    "--file", "file", type=click.Path(path_type=Path, dir_okay=False), help="Read an export instead of a cluster."
)


@click.group()
def audit() -> None:
    """Show, verify and export what the platform decided and did."""


@audit.command("list")
@click.option("--about", default="", help="Only of objects whose Kind/namespace/name has this in it.")
@click.option("--who", default="", help="Only by this service or person.")
@click.option("--last", default=50, show_default=True, type=click.IntRange(1), help="At most so many, the last ones.")
@output_option()
@_FILE
@cluster_options
def list_(*, about: str, who: str, last: int, output: str, file: Path | None, kubeconfig: str, context: str) -> None:
    """List entries, the oldest first."""
    found = [
        entry
        for each in _records(file, kubeconfig, context)
        for entry in each.entries
        if about in entry.get("about", "") and (not who or entry.get("who") == who)
    ][-last:]
    names = [each.get("about", "-") for each in found]
    show_table(
        output, Table(_HEAD, [_row(each) for each in found], names=names, empty="nothing is written"), lambda: found
    )


@audit.command()
@click.argument("what")
@_FORM
@_FILE
@cluster_options
def show(*, what: str, output: str, file: Path | None, kubeconfig: str, context: str) -> None:
    """Show all about an object (Kind/namespace/name), or a record by its number: what, why, and how it came out."""
    records = _records(file, kubeconfig, context)
    if what.isdecimal():
        found = [entry for each in records if each.sequence == int(what) for entry in each.entries]
    else:
        found = [entry for each in records for entry in each.entries if entry.get("about") == what]
    if not found:
        raise click.ClickException(f"nothing is written about {what}")
    printed(output, lambda: found, lambda: [line for each in found for line in _whole(each)])


@audit.command()
@click.option(
    "--key",
    "key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A public key (PEM) of all records.",
)
@click.option("--head", default="", help="A hash that was noted before, which has to be there.")
@_FORM
@_FILE
@cluster_options
def verify(*, key: Path | None, head: str, output: str, file: Path | None, kubeconfig: str, context: str) -> int:
    """Verify the chain: exit code 0 if nothing was changed, removed, inserted or reordered, 3 if so, and which."""
    import msgspec

    from kubewright.audit.chain import verify as verified
    from kubewright.audit.files import public_key, read_noted, read_records

    note, records = (None, read_records(file)) if file else _with_client(read_noted, kubeconfig, context)
    signer = public_key(key) if key is not None else None
    verdict = verified(records, key=signer, head=head, note=note.spec if note is not None else None)

    def lines() -> list[str]:
        said = [str(each) for each in verdict.findings]
        said += [f"without an outcome: {each}" for each in verdict.open]
        state = "BROKEN" if verdict.findings else "intact"
        where = f"{verdict.first} to {verdict.last}" if verdict.records else "none"
        if note is not None:
            said.append(f"noted as far as record {note.spec.sequence} at {note.spec.at}")
        elif file is None:
            said.append("nobody notes how far it goes (kubewright run audit): an end that was cut off does not show")
        return [*said, f"{state}: records {where}, {verdict.entries} entries, head {verdict.head or '-'}"]

    printed(output, lambda: msgspec.to_builtins(verdict), lines)
    return Exit.UNWELL if verdict.findings else Exit.OK


@audit.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@cluster_options
def export(*, file: Path, kubeconfig: str, context: str) -> None:
    """Write all records to FILE, one a line, which `audit verify --file FILE` verifies without a cluster."""
    from kubewright.audit.files import write_records

    records = _records(None, kubeconfig, context)
    write_records(file, records)
    head = records[-1].hash if records else "-"
    say(f"{len(records)} records in {file}, head {head}")


@audit.command()
@click.option("--keep", required=True, type=click.IntRange(1), help="How many records stay, the last ones.")
@click.option(
    "--export",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Where they are exported to before any goes.",
)
@click.option(
    "--key",
    "key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The private key (PEM) that records are signed with.",
)
@cluster_options
def prune(*, keep: int, file: Path, key: Path | None, kubeconfig: str, context: str) -> None:
    """Export all records, then take away the oldest; a checkpoint keeps the rest verifiable."""
    from kubewright.audit.chain import verify as verified
    from kubewright.audit.files import private_key, read_noted, write_records
    from kubewright.audit.log import AuditLog
    from kubewright.audit.pruning import prune as pruned
    from kubewright.clock import Clock

    signer = private_key(key) if key is not None else None

    async def work(client: Client) -> int:
        note, records = await read_noted(client)
        broken = verified(records, note=note.spec if note is not None else None).findings
        if broken:
            raise click.ClickException(f"nothing is pruned, the chain is broken: {broken[0]}")
        write_records(file, records)
        return await pruned(AuditLog(client, Clock.wall(), "kubewright-cli", signer), keep)

    say(f"{_with_client(work, kubeconfig, context)} records went; all are in {file}")


def _records(file: Path | None, kubeconfig: str, context: str) -> list[Named]:
    from kubewright.audit.files import read_cluster, read_records

    if file is not None:
        return read_records(file)
    return _with_client(read_cluster, kubeconfig, context)


def _with_client(work: Callable[[Client], Awaitable[Any]], kubeconfig: str, context: str) -> Any:
    async def run() -> Any:
        async with connected(connection(kubeconfig, context)) as client:
            return await work(client)

    return asyncio.run(run())


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    result = entry.get("outcome") or entry.get("why", "")
    when, kind, who = entry.get("at", "")[:19], entry.get("kind", ""), entry.get("who", "")
    return (f"{when}Z", kind, who, entry.get("about", "-"), result)


def _whole(entry: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{entry.get('at', '')}  {entry.get('kind', '')}  {entry.get('about', '')}",
        f"  by: {entry.get('who', '')}",
    ]
    lines += [f"  {name}: {entry[name]}" for name in ("why", "outcome", "of") if entry.get(name)]
    lines += [f"  {number}. {each}" for number, each in enumerate(entry.get("actions", ()), 1)]
    return lines + [f"  {name}: {text}" for name, text in entry.get("details", {}).items()]
