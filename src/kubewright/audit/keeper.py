"""`kubewright run audit`: verifies the log each minute, notes how far it goes, archives what is new, prunes the oldest.

It alone may delete records: services that write can only add to the log. What it notes (`AuditHead`) never goes back,
so that an end that is cut off shows from the next look on. As long as anything is wrong it archives and prunes nothing,
and says so: on the AuditHead, by an Event, in its log and in its metrics.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import to_builtins
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from kubewright.api.conditions import READY, Condition, set_condition, written
from kubewright.api.crds.audithead import AUDIT_HEAD_CRD, AUDIT_HEADS, HEAD, AuditHead, AuditHeadSpec
from kubewright.api.crds.auditrecord import AUDIT_RECORD_CRD
from kubewright.api.meta import Manifest, parse_time, rfc3339
from kubewright.audit.chain import Finding, Named, noted, verify
from kubewright.audit.entries import entry
from kubewright.audit.files import add_records, last_record, read_noted
from kubewright.audit.log import AuditLog
from kubewright.audit.pruning import prune
from kubewright.errors import OpError
from kubewright.runtime.operators import Operator
from kubewright.runtime.scraped import Scraped, gauge

NAME = "kubewright-audit"
LOOK_SECONDS = 60.0
NOTE_AGAIN_SECONDS = 600.0
"""A note is made anew so often, though nothing was written: an old one says that nobody looks."""
LEAST_PRUNED = 10
"""So many go at once, and at least a tenth of those that are kept: each time costs a record of its own."""
_MESSAGE = 1024

_log = logging.getLogger(__name__)


class AuditMetrics(Scraped[str, int]):
    """How the log stands, by name of the figure."""

    def families(self, figures: Mapping[str, int]) -> Iterator[GaugeMetricFamily]:
        """Yield the records there are, and what is wrong with them."""
        for name, text in (("records", "Records of the audit log"), ("findings", "What is wrong with the audit log")):
            yield gauge(f"kubewright_audit_{name}", text, (), [((), figures.get(name, 0))])


@dataclass(slots=True)
class Keeper:
    """Looks after the log of a cluster."""

    operator: Operator
    log: AuditLog
    keep: int
    """How many records stay in the cluster."""
    archive: Path | None = None
    """A file that all records go to before any goes."""
    _complained: bool = False
    _figures: dict[str, int] = field(default_factory=dict[str, int])

    def figures(self) -> Mapping[str, int]:
        """Return how the log stood at the last look."""
        return self._figures

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except OpError as error:
                _log.warning("the audit log is not looked after: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Verify all that is there, then note, archive and prune."""
        head, records = await read_noted(self.operator.client)
        verdict = verify(records, note=head.spec if head is not None else None)
        done = last_record(self.archive) if self.archive is not None else None
        findings = [*verdict.findings, *self._unarchived(records, done)]
        self._figures = {"records": verdict.records, "findings": len(findings)}
        if findings:
            await self._complain(findings, head)
            return
        self._complained = False
        if not records:
            return
        await self._note(head, records[-1])
        if self.archive is not None:
            add_records(self.archive, [each for each in records if done is None or each.sequence > done.sequence])
        if len(records) - self.keep >= max(LEAST_PRUNED, self.keep // 10):
            gone = await prune(self.log, self.keep)
            _log.info("%d records were taken away, %d are kept", gone, self.keep)

    def _unarchived(self, records: Sequence[Named], done: Named | None) -> Iterator[Finding]:
        """Yield how the archive, whose last record is `done`, disagrees with what is there."""
        if done is None:
            return
        first, last = (records[0].sequence, records[-1].sequence) if records else (1, 0)
        same = next((each for each in records if each.sequence == done.sequence), None)
        if last < done.sequence or (same is not None and same.hash != done.hash):
            yield Finding(done.sequence, f"it is in {self.archive}, and here no more: the end was cut off")
        elif first > done.sequence + 1:
            yield Finding(done.sequence + 1, f"it went before it was written to {self.archive}")

    async def _complain(self, findings: Sequence[Finding], head: AuditHead | None) -> None:
        said = "; ".join(map(str, findings))[:_MESSAGE]
        if not self._complained:
            self._complained = True
            _log.error("the audit log is broken: %s", said)
            self.log.record(entry(NAME, f"{AUDIT_HEADS.kind}/{HEAD.name}", f"the audit log is broken: {said}"))
            self.operator.recorder.record(HEAD, AUDIT_HEADS, "Warning", "Broken", said)
        if head is not None:
            await self._say(head, Condition(READY, "False", "Broken", said))

    async def _note(self, head: AuditHead | None, last: Named) -> None:
        now = self.operator.clock.now()
        if head is None or not _holds(head.spec, last, now):
            spec = to_builtins(noted(last, rfc3339(now), self.log.key))
            head = await self.operator.client.apply(AUDIT_HEADS, _manifest(spec=spec), field_manager=NAME)
        await self._say(head, Condition(READY, "True", "Intact", "nothing was changed or removed"))

    async def _say(self, head: AuditHead, said: Condition) -> None:
        conditions = set_condition(head.status.conditions, said, self.operator.clock.now())
        if conditions != head.status.conditions:
            status = _manifest(status={"conditions": written(conditions)})
            await self.operator.client.apply(AUDIT_HEADS, status, field_manager=NAME, subresource="status")


def _holds(note: AuditHeadSpec, last: Named, now: float) -> bool:
    """Whether a note says what is to be noted, and is not so old that nobody seems to look."""
    return now - _time(note.at) < NOTE_AGAIN_SECONDS and (note.sequence, note.hash) == (last.sequence, last.hash)


def _manifest(**content: object) -> Manifest:
    head = {"apiVersion": AUDIT_HEADS.api_version, "kind": AUDIT_HEADS.kind, "metadata": {"name": HEAD.name}}
    return {**head, **content}


def _time(text: str) -> float:
    try:
        return parse_time(text)
    except ValueError:
        return 0.0


def build(
    operator: Operator, log: AuditLog, *, keep: int, archive: Path | None, registry: CollectorRegistry | None = None
) -> Keeper:
    """Declare the keeper of a cluster's audit log."""
    operator.define(AUDIT_RECORD_CRD, AUDIT_HEAD_CRD)
    keeper = Keeper(operator, log, keep, archive)
    AuditMetrics(registry).watch(keeper.figures)
    operator.task("audit log", log.run)
    operator.task("keeper", keeper.run)
    return keeper
