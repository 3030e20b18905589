"""Takes the oldest records of the audit log away so that what is left can still be verified."""

from __future__ import annotations

from kubewright.api.crds.auditrecord import AUDIT_RECORDS, Checkpoint, record_key
from kubewright.api.live import live_resource
from kubewright.audit.log import NAMES, AuditLog
from kubewright.runtime.children import delete_if_there


async def prune(log: AuditLog, keep: int) -> int:
    """Leave the last `keep` records and write a checkpoint of those that go; return how many went.

    Cut short, it is gone on with the next time: the checkpoint is there first, and the oldest go first.
    """
    kind = live_resource(AUDIT_RECORDS)
    places = sorted(place_of(each.metadata.name) for each in (await log.client.list(NAMES)).items)
    going = places[: max(len(places) - keep, 0)]
    if not going:
        return 0
    last = await log.client.get(kind, record_key(going[-1]))
    await log.seal(Checkpoint(going[-1], str(last.spec.get("hash", ""))))
    for place in going:
        await delete_if_there(log.client, kind, record_key(place))
    return len(going)


def place_of(name: str) -> int:
    """Return a record's place by its name; 0 for a name that is none."""
    digits = name.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0
