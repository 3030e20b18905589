"""The renewal of node leases in the server's own process: by far the most frequent write of a cluster at rest.

`Twin` hands these to the heartbeats of its nodes (`nodes.py`), which patch leases through a Client on any other
cluster, and to the monitor of nodes (`controllers/nodes/lifecycle.py`), which needs no copy of a lease to know of it.
What is stored, told to watches and counted as a revision is what the patch would have made; it is done here, without a
request, only while that is certain: the lease is as its kubelet wrote it, and nothing has a say in writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from kubewright.api.coordination import LEASES
from kubewright.api.meta import Manifest, ObjectKey, rfc3339, rfc3339_micro
from kubewright.store.versioned import Bucket, Change, Record, VersionedStore
from kubewright.twin.intervening import somebody_intervenes
from kubewright.twin.nodes import KUBELET, LEASE_NAMESPACE
from kubewright.twin.reading import as_dict, as_list, dig

_BUCKET: Bucket = (LEASES.group, LEASES.plural)
_REVISION, _RENEWED_AT, _SECOND = b"\x00", b"\x01", b"\x02"
"""Stand in a form for what changes: JSON has no such bytes elsewhere."""


class LeaseRenewals:
    """Renews leases of nodes in one store."""

    def __init__(self, store: VersionedStore) -> None:
        self._store = store
        self._known: dict[str, _Known] = {}
        """The leases that were found to be as their kubelets wrote them, by node name."""

    def renew(self, names: Sequence[str], now: float) -> Sequence[str]:
        """Renew the leases of nodes, and return the names of those that it takes a request for."""
        if somebody_intervenes(self._store):
            return names
        renewed_at, second = _quoted(rfc3339_micro(now)), _quoted(rfc3339(now))
        return [name for name in names if not self._renew(name, renewed_at, second)]

    def _renew(self, name: str, renewed_at: bytes, second: bytes) -> bool:
        known = self._known.get(name)
        key = ObjectKey(LEASE_NAMESPACE, name) if known is None else known.last.key
        record = self._store.get(_BUCKET, key)
        if known is None or record is not known.last:
            if record is None or not _is_kubelets_alone(record.obj):
                self._known.pop(name, None)
                return False
            known = self._known[name] = _Known(record, _form(record.obj))
        form = known.form.replace(_RENEWED_AT, renewed_at).replace(_SECOND, second)
        known.last = self._store.rewrite(
            _BUCKET, known.last, lambda revision: form.replace(_REVISION, b'"%d"' % revision)
        )
        return True


@dataclass(slots=True)
class _Known:
    """A lease that a renewal may write: its last version, and the JSON of all versions but for what changes."""

    last: Record
    form: bytes


class LeaseSigns:
    """Tells of every lease of a node that is written in one store, by whom and how ever."""

    def __init__(self, store: VersionedStore) -> None:
        self._store = store

    def follow(self, heard: Callable[[str], None]) -> None:
        """Call `heard` with the node's name from now on, inside the write: it must do no more than note it."""

        def on_change(change: Change) -> None:
            if change.type != "DELETED" and change.record.key.namespace == LEASE_NAMESPACE:
                heard(change.record.key.name)

        self._store.subscribe(_BUCKET, on_change)


def _is_kubelets_alone(lease: Manifest) -> bool:
    """Tell whether nobody but the kubelet has written a lease, so that a renewal changes two times and no owner."""
    metadata = lease["metadata"]
    entries = as_list(metadata.get("managedFields"))
    if len(entries) != 1 or "deletionTimestamp" in metadata:
        return False
    entry = as_dict(entries[0])
    author = (entry.get("manager"), entry.get("operation"), entry.get("apiVersion"), entry.get("subresource", ""))
    mine = author == (KUBELET, "Update", LEASES.api_version, "")
    return mine and dig(entry, "fieldsV1", "f:spec", "f:renewTime") is not None


def _form(lease: Manifest) -> bytes:
    metadata = lease["metadata"]
    entries = [{**metadata["managedFields"][0], "time": msgspec.Raw(_SECOND)}]
    spec = {**lease["spec"], "renewTime": msgspec.Raw(_RENEWED_AT)}
    metadata = {**metadata, "resourceVersion": msgspec.Raw(_REVISION), "managedFields": entries}
    return msgspec.json.encode({**lease, "metadata": metadata, "spec": spec})


def _quoted(text: str) -> bytes:
    return b'"%s"' % text.encode()
