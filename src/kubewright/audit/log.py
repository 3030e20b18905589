"""Writes the audit log: services say what they decided, intend and have done; it becomes records of one chain.

    log = AuditLog(client, clock, "kubewright-healing", key=key, sink=Path("audit.jsonl"))   # run() in a task
    log.record(entry("kubewright-healing", "Node/n7", "its disk fails", outcome="a person must approve"))
    async with log.doing(of_plan("kubewright-healing", "Node/n7", plan)):                    # written before it begins
        await executor.execute(plan, about=node)                                             # Done, or Failed: why

`doing` returns to its block only once the intention is in the API; where that cannot be reached it raises OpError, and
nothing is done. What was cut short by a crash stays an intention without an outcome, and `kubewright audit verify`
says so. Everything else is written within seconds, by batches. One chain for all services: a record's name is its
place, and whoever creates it first has it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from kubewright.api.crds.auditrecord import (
    AUDIT_RECORDS,
    DONE,
    FAILED,
    INTENDED,
    MOST_ENTRIES,
    Checkpoint,
    Entry,
    record_key,
)
from kubewright.api.live import live_resource
from kubewright.api.meta import Manifest, ObjectKey, PartialObject, Resource, rfc3339_micro
from kubewright.audit.chain import Named, link, sealed
from kubewright.audit.entries import kept
from kubewright.audit.files import add_records
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.backoff import Backoff

FLUSH_SECONDS = 2.0
MOST_WAITING = 10_000
NAMES: Resource[PartialObject] = Resource(
    AUDIT_RECORDS.group,
    AUDIT_RECORDS.version,
    AUDIT_RECORDS.plural,
    AUDIT_RECORDS.kind,
    PartialObject,
    namespaced=False,
)
"""Records by their names alone."""
_LIVE = live_resource(AUDIT_RECORDS)

_log = logging.getLogger(__name__)


def _holds(spec: Mapping[str, Any], entries: Sequence[Entry], checkpoint: Checkpoint | None) -> bool:
    """Tell whether a record is what was to be written: by this attempt, or by one whose answer was lost."""
    if not spec:
        return False
    if checkpoint is not None:
        return sealed(spec) == checkpoint
    return [each.get("id") for each in spec.get("entries", ())] == [each.id for each in entries]


@dataclass(frozen=True, slots=True)
class Ink:
    """What a process writes with."""

    key: Ed25519PrivateKey | None = None
    """What records are signed with."""
    sink: Path | None = None
    """A file that every record of this process is added to as a line, once it is in the API."""

    def log(self, client: Client, clock: Clock, writer: str) -> AuditLog:
        """Return a service's log."""
        return AuditLog(client, clock, writer, self.key, self.sink)


@dataclass(slots=True)
class AuditLog:
    """One service's way to write the chain."""

    client: Client
    clock: Clock
    writer: str
    key: Ed25519PrivateKey | None = None
    sink: Path | None = None
    lost: int = 0
    """Entries that were given up since nothing could be written for long."""
    _waiting: deque[Entry] = field(default_factory=deque[Entry])
    _batch: tuple[Entry, ...] = ()
    """What is being written, or may have been: it is tried again as it is, so that its record is known again."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _head: Named | None = None
    """The last record that is known."""
    _count: int = 0
    _began: str = ""

    def record(self, entry: Entry) -> str:
        """Have something written soon; return its id. With nothing written for long the oldest is given up."""
        numbered = self._numbered(entry)
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(numbered)
        self._news.set()
        return numbered.id

    async def intend(self, entry: Entry) -> str:
        """Write an intention, and return its id once it is in the API; raises OpError where it cannot be."""
        numbered = self._numbered(replace(entry, kind=INTENDED))
        await self._write((numbered,))
        return numbered.id

    def outcome(self, intention: str, entry: Entry, *, failure: str = "", said: str = "") -> None:
        """Say how an intention came out."""
        kind = FAILED if failure else DONE
        self.record(replace(entry, kind=kind, actions=(), outcome=failure or said or entry.outcome, of=intention))

    @asynccontextmanager
    async def doing(self, entry: Entry) -> AsyncGenerator[str]:
        """Have an intention written before a block, and how it came out after it."""
        intention = await self.intend(entry)
        try:
            yield intention
        except BaseException as error:
            self.outcome(intention, entry, failure=str(error) or type(error).__name__)
            raise
        self.outcome(intention, entry)

    @property
    def settled(self) -> bool:
        """Whether all that was said is written."""
        return not self._waiting and not self._batch

    async def run(self) -> None:
        """Write what is said until cancelled."""
        backoff = Backoff(1.0, 60.0, Random(f"audit/{self.writer}"))  # noqa: S311  jitter
        while True:
            await self._news.wait()
            await asyncio.sleep(FLUSH_SECONDS)
            self._news.clear()
            try:
                await self.flush()
                backoff.reset()
            except OpError as error:
                _log.warning("%d entries of the audit log wait: %s", len(self._batch) + len(self._waiting), error)
                self._news.set()
                await asyncio.sleep(backoff.next_seconds())

    async def flush(self) -> None:
        """Write all that waits; raises OpError with the rest still waiting."""
        while self._batch or self._waiting:
            batch = self._batch = self._batch or self._next()
            await self._write(batch)
            if self._batch is batch:
                self._batch = ()

    def _next(self) -> tuple[Entry, ...]:
        """Take what is written next out of what waits, with what is lost."""
        said = f"{self.lost} entries could not be written and are lost"
        lost = [self._numbered(Entry(who=self.writer, why=said))] if self.lost else []
        self.lost = 0
        count = min(len(self._waiting), MOST_ENTRIES - len(lost))
        return (*lost, *(self._waiting.popleft() for _ in range(count)))

    def _numbered(self, entry: Entry) -> Entry:
        self._began = self._began or rfc3339_micro(self.clock.now())
        self._count += 1
        id_ = f"{self.writer}/{self._began}/{self._count}"
        return replace(kept(entry), id=id_, at=entry.at or rfc3339_micro(self.clock.now()))

    async def seal(self, checkpoint: Checkpoint) -> None:
        """Say that older records may be gone."""
        async with self._turn:
            await self._append((), checkpoint)

    async def _write(self, entries: tuple[Entry, ...]) -> None:
        async with self._turn:
            await self._append(entries)

    async def _append(self, entries: tuple[Entry, ...], checkpoint: Checkpoint | None = None) -> None:
        """Create the next record of the chain, whoever else does the same."""
        at = rfc3339_micro(self.clock.now())
        try:
            head = self._head or await self._read_head()
            while not _holds(head.spec, entries, checkpoint):
                after = head.sequence + 1
                spec = link(after, head.hash, self.writer, at, entries, checkpoint=checkpoint, key=self.key)
                head = await self._create(spec)
            self._head = head
        except BaseException:
            self._head = None  # it is not known whether it was written
            raise
        self._to_sink(head.spec)

    async def _create(self, spec: Manifest) -> Named:
        """Create a record, and return the one that then has its place: somebody may have been faster."""
        try:
            await self.client.create(_LIVE, _manifest(spec), field_manager=self.writer)
        except OpError as error:
            if error.kind is not ErrorKind.ALREADY_EXISTS:
                raise
            there = await self.client.get(_LIVE, record_key(spec["sequence"]))
            return Named(there.metadata.name, there.spec)
        return Named("", spec)

    async def _read_head(self) -> Named:
        """Return the last record; none where there is no chain yet."""
        names = [each.metadata.name for each in (await self.client.list(NAMES)).items]
        if not names:
            return Named("", {})
        last = max(names)
        return Named(last, (await self.client.get(_LIVE, ObjectKey("", last))).spec)

    def _to_sink(self, spec: Mapping[str, Any]) -> None:
        if self.sink is None:
            return
        try:
            add_records(self.sink, [Named("", spec)])
        except OpError as error:
            _log.warning("record %d is in the API alone: %s", spec["sequence"], error)


def _manifest(spec: Manifest) -> dict[str, Any]:
    name = record_key(spec["sequence"]).name
    return {
        "apiVersion": AUDIT_RECORDS.api_version,
        "kind": AUDIT_RECORDS.kind,
        "metadata": {"name": name},
        "spec": spec,
    }
