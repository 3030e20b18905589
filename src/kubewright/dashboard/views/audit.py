"""The audit log: its last entries, as they were written. `kubewright audit verify` proves that none was changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import nlargest

import msgspec

from kubewright.api.crds.auditrecord import AuditRecord
from kubewright.api.meta import seconds_of
from kubewright.dashboard.tables import Row

MOST_RECORDS = 200


class EntryRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was decided or done."""

    id: str
    record: int
    at: float
    kind: str
    who: str
    about: str = ""
    why: str = ""
    actions: tuple[str, ...] = ()
    outcome: str = ""
    details: Mapping[str, str] = {}


def rows(records: Iterable[AuditRecord]) -> Iterator[Row]:
    """Yield the entries of the last records."""
    for record in nlargest(MOST_RECORDS, records, key=lambda each: each.spec.sequence):
        for number, entry in enumerate(record.spec.entries):
            shown = EntryRow(
                id=f"{record.spec.sequence}.{number}",
                record=record.spec.sequence,
                at=seconds_of(entry.at),
                kind=entry.kind,
                who=entry.who,
                about=entry.about,
                why=entry.why,
                actions=entry.actions,
                outcome=entry.outcome,
                details=entry.details,
            )
            yield Row(shown.id, "", shown)
