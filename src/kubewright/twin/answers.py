"""Answers: one object, a list or a Status, in the form that the client asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.client.transport import Response
from kubewright.store.versioned import Record
from kubewright.twin.conversion import in_version, is_always_stored
from kubewright.twin.kinds import KindInfo
from kubewright.twin.media import JSON, Form, View, encode
from kubewright.twin.status import not_that_many
from kubewright.twin.tables.render import partial_metadata, render_table

_JSON_HEADERS = {"content-type": JSON}


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list: its records, the revision that it is of, and how to go on."""

    records: Sequence[Record]
    revision: int
    continue_token: str = ""
    remaining: int | None = None

    def metadata(self) -> Manifest:
        """Return the list's own metadata."""
        metadata: Manifest = {"resourceVersion": str(self.revision)}
        if self.continue_token:
            metadata["continue"] = self.continue_token
        if self.remaining is not None:
            metadata["remainingItemCount"] = self.remaining
        return metadata


def document(content: Any, status: int = 200) -> Response:
    """Answer a JSON document as it is."""
    return Response(status, _JSON_HEADERS, encode(content))


def plain(text: str, status: int = 200) -> Response:
    """Answer text."""
    return Response(status, {"content-type": "text/plain; charset=utf-8"}, text.encode())


def encoded_in(kind: KindInfo, record: Record) -> bytes:
    """Return a record's JSON in `kind`'s version; the stored version is encoded once for all."""
    if is_always_stored(kind):
        return record.encoded
    obj = in_version(kind, record.obj)
    return record.encoded if obj is record.obj else encode(obj)


def one(kind: KindInfo, record: Record, view: View, now: float, status: int = 200) -> Response:
    """Answer one object."""
    match view.form:
        case Form.OBJECT:
            return Response(status, _JSON_HEADERS, encoded_in(kind, record))
        case Form.METADATA:
            if view.asked_as == "PartialObjectMetadataList":
                raise not_that_many(f"you requested {view.asked_as}, but the requested object is not a list", kind.kind)
            return document(partial_metadata(in_version(kind, record.obj)), status)
        case Form.TABLE:
            version = record.obj["metadata"].get("resourceVersion", "")
            return document(table(kind, [record], view, now, {"resourceVersion": version}), status)


def many(kind: KindInfo, page: Page, view: View, now: float) -> Response:
    """Answer a list."""
    match view.form:
        case Form.OBJECT:
            return Response(200, _JSON_HEADERS, _list_bytes(kind, page))
        case Form.METADATA:
            if view.asked_as == "PartialObjectMetadata":
                raise not_that_many(
                    f"you requested {view.asked_as}, but the requested object is a list", kind.list_kind
                )
            items = [partial_metadata(in_version(kind, record.obj)) for record in page.records]
            head = {"kind": "PartialObjectMetadataList", "apiVersion": f"meta.k8s.io/{view.meta_version}"}
            return document({**head, "metadata": page.metadata(), "items": items})
        case Form.TABLE:
            return document(table(kind, page.records, view, now, page.metadata()))


def table(kind: KindInfo, records: Sequence[Record], view: View, now: float, metadata: Manifest) -> Manifest:
    """Return records as a Table."""
    objects = [in_version(kind, record.obj) for record in records]
    rendered = render_table(kind, objects, now, include_object=view.include_object)
    return {**rendered, "apiVersion": f"meta.k8s.io/{view.meta_version}", "metadata": metadata}


def _list_bytes(kind: KindInfo, page: Page) -> bytes:
    """Join the items as they were encoded; built-in kinds leave `kind` and `apiVersion` out of their items."""
    metadata = {"continue": "", **page.metadata()} if kind.custom else page.metadata()
    head = {"kind": kind.list_kind, "apiVersion": kind.api_version, "metadata": metadata}
    prefix = b"" if kind.custom else head_of(kind)
    pieces: list[bytes | memoryview] = [encode(head)[:-1], b',"items":[']
    for record in page.records:
        item = encoded_in(kind, record)
        if prefix and item.startswith(prefix):
            pieces += (b"{", memoryview(item)[len(prefix) :], b",")
        else:
            pieces += (item, b",")
    # A list is large: it is put together in one go, and nothing of it is copied before.
    return b"".join((*(pieces[:-1] if page.records else pieces), b"]}"))


def head_of(kind: KindInfo) -> bytes:
    """Return the bytes that each stored object of a built-in kind begins with."""
    return encode({"kind": kind.kind, "apiVersion": kind.api_version})[:-1] + b","
