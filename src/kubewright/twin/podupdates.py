"""Updates of pods that are like ones before: what they come to is worked out twice, and then cast from a form.

A pod that comes up is bound once and tells of itself three times, and so are its thousand siblings, of which each has
another name, uid, node, address and other times. `Twin` hands this to the writers of its controllers and kubelets
(`controllers/writes.py`), which make a request for each such update on any other cluster.

Of a pod and of what is asked for, all that tells it from its siblings is replaced by numbered holes. What is left, and
which hole is equal to which, decides what a request makes of it: so when the same is asked of the same once more, the
outcome of the request before, with its own holes, is filled with the values of this pod. It is done here only while
that is certain: nothing else has a say in writes (`intervening.py`), and no quota counts what the pod takes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from kubewright.api.core import PODS
from kubewright.api.meta import Manifest, ObjectKey, rfc3339
from kubewright.client.protocol import PatchType
from kubewright.store.versioned import Bucket, Record, VersionedStore
from kubewright.twin.admission.topology import topology
from kubewright.twin.forms import Form, hole
from kubewright.twin.intervening import counted_by_quota, somebody_intervenes

_BUCKET: Bucket = (PODS.group, PODS.plural)
_MOST_FORMS = 2048
"""Of about five kilobytes each; when there are more, all are learned anew."""

Request = Callable[[], Awaitable[object]]
_Holes = list[tuple[bytes, bytes]]


class _Owner(msgspec.Struct):
    name: str = ""
    uid: str = ""


class _Entry(msgspec.Struct):
    manager: str = ""


class _Metadata(msgspec.Struct, rename="camel"):
    name: str = ""
    generate_name: str = ""
    uid: str = ""
    labels: dict[str, str] = {}
    owner_references: list[_Owner] = []
    managed_fields: list[_Entry] = []


class _Spec(msgspec.Struct, rename="camel"):
    node_name: str = ""


class _Status(msgspec.Struct):
    podIP: str = ""  # noqa: N815  as it is written
    hostIP: str = ""  # noqa: N815


class _Pod(msgspec.Struct):
    """As much of a pod, or of what is asked of it, as tells it from others."""

    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Pod).decode
_TIME = re.compile(rb'"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"')
_TOKEN = re.compile(rb'"kube-api-access-[a-z0-9]{5}"')

_SHORTEST_BARE = len("1.1.1.1")
"""What is shorter and stands without quotes might be found in anything, if only in the number of a hole."""


@dataclass(frozen=True, slots=True)
class PodUpdates:
    """Updates pods in one store."""

    store: VersionedStore
    now: Callable[[], float]
    _forms: dict[bytes, Form | None] = field(default_factory=dict[bytes, "Form | None"])
    """By a digest of the pod and of what is asked, both with holes; None for what was asked once."""

    async def patch_status(
        self, key: ObjectKey, changes: Manifest, patch_type: PatchType, manager: str, request: Request
    ) -> None:
        """Patch the status of a pod in the name of a manager: what `request` would make of it, or by `request`."""
        await self._update(key, _encode(changes), _encode([patch_type, manager]), request)

    async def bind(self, key: ObjectKey, uid: str, node: str, request: Request) -> None:
        """Put a pod on a node."""
        metadata = {"uid": uid, "labels": topology(self.store, node)}
        await self._update(key, _encode({"metadata": metadata, "spec": {"nodeName": node}}), b"bind", request)

    async def _update(self, key: ObjectKey, asked: bytes, how: bytes, request: Request) -> None:
        present = self.store.get(_BUCKET, key)
        if present is None or counted_by_quota(self.store, key.namespace) or somebody_intervenes(self.store):
            await request()
            return
        values, moment = _values(present, asked, rfc3339(self.now()))
        holes = _holes(values)
        digest = _digest((moment, *[_holed(each, holes) for each in (how, asked, present.encoded)]))
        form = self._forms.get(digest)
        if form is not None:
            self.store.rewrite(_BUCKET, present, lambda revision: form.filled([_revision(revision), *values[1:]]))
            return
        before = self.store.revision
        await request()
        self._learn(digest, self.store.get(_BUCKET, key), before + 1, values)

    def _learn(self, digest: bytes, outcome: Record | None, revision: int, values: Sequence[bytes]) -> None:
        """Keep what a request came to, if that was nothing but this one revision, and not the first of its kind."""
        if digest not in self._forms:
            if len(self._forms) >= _MOST_FORMS:
                self._forms.clear()
            self._forms[digest] = None
        elif outcome is not None and outcome.revision == revision:
            self._forms[digest] = Form.of(_holed(outcome.encoded, _holes([_revision(revision), *values[1:]])))


def _values(present: Record, asked: bytes, now: str) -> tuple[list[bytes], bytes]:
    """Return what stands in the holes, of like pods the same things in the same places, and which moment is now.

    The revision comes first, the moments last and in order, so that it shows which were before which. Field managers,
    by whose names entries are sorted, stay what they are.
    """
    names: list[str] = []
    bare: list[str] = []
    managers: set[str] = set()
    for document in (present.encoded, asked):
        pod = _decode(document)
        metadata, owners = pod.metadata, pod.metadata.owner_references
        managers.update([each.manager for each in metadata.managed_fields])
        labels = [value for _, value in sorted(metadata.labels.items())]
        names += (metadata.name, metadata.generate_name, *[each.name for each in owners], *labels, pod.spec.node_name)
        bare += (metadata.uid, *[each.uid for each in owners], pod.status.podIP, pod.status.hostIP)
    token = _TOKEN.search(present.encoded)
    stamp = b'"%b"' % now.encode()
    moments = sorted({*_TIME.findall(present.encoded), *_TIME.findall(asked), stamp})
    values = [
        _revision(present.revision),
        *[_named(each) if each not in managers else b"" for each in names],
        *[each.encode() if len(each) >= _SHORTEST_BARE else b"" for each in bare],
        b"" if token is None else token[0],
        *moments,
    ]
    return values, b"%d of %d" % (moments.index(stamp), len(moments))


def _named(name: str) -> bytes:
    """Return a name or a label's value as it is written; none that could be a word of Kubernetes' own."""
    return b'"%b"' % name.encode() if name and not name[0].isupper() else b""


def _revision(revision: int) -> bytes:
    return b'"resourceVersion":"%d"' % revision


def _holes(values: Sequence[bytes]) -> _Holes:
    """Return what is replaced by which hole; of equal values there is one, so that it shows that they are equal."""
    numbers = {value: number for number, value in enumerate(values) if value}
    return [(value, hole(number)) for value, number in numbers.items()]


def _holed(document: bytes, holes: _Holes) -> bytes:
    for value, placeholder in holes:
        document = document.replace(value, placeholder)
    return document


def _digest(documents: Iterable[bytes]) -> bytes:
    return hashlib.blake2b(b"\x00\x00".join(documents), digest_size=16).digest()
