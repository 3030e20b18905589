"""Laying endpoints out in slices so that as few as may be are written (`reconcileByPortMapping`). Pure.

An endpoint stays in the slice that has it. New ones go into slices that are written anyway, then into others with
room, then into new ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from kubewright.api.discovery import ENDPOINT_SLICES, Endpoint, EndpointSlice
from kubewright.api.meta import Manifest
from kubewright.twin.controllers.writes import Create, Patch, Remove, Write

SLICE_SIZE = 100


@dataclass(slots=True)
class Group:
    """Endpoints, by address, that share their ports."""

    ports: list[Manifest]
    endpoints: dict[str, Manifest] = field(default_factory=dict[str, Manifest])

    def has_ports_of(self, piece: EndpointSlice) -> bool:
        """Tell whether a slice has these ports."""
        return msgspec.convert({"ports": self.ports}, EndpointSlice).ports == (piece.ports or ())


@dataclass(slots=True)
class _Page:
    """What a slice is to hold; None for one that is to be made."""

    piece: EndpointSlice | None
    endpoints: list[Manifest]
    changed: bool


def pack(
    groups: Iterable[Group], present: Sequence[EndpointSlice], template: Manifest, size: int = SLICE_SIZE
) -> list[Write]:
    """Return the writes that make slices of at most `size` hold the groups; `template` is a slice without any."""
    labels: Mapping[str, str] = template["metadata"]["labels"]
    writes: list[Write] = []
    left = sorted(present, key=lambda each: each.metadata.name)
    for group in groups:
        mine = [piece for piece in left if group.has_ports_of(piece)]
        left = [piece for piece in left if piece not in mine]
        pages = _fill(group, mine, labels, size)
        # Of a group of nobody one slice says so; otherwise slices that have become empty go.
        needed = [page for page in pages if page.endpoints] or pages[: not group.ports]
        writes += [write for page in needed for write in _written(page, group, template)]
        left += [page.piece for page in pages if page.piece is not None and page not in needed]
    writes += [Remove(ENDPOINT_SLICES, each.key, each.metadata.uid) for each in left]
    return writes


def _fill(group: Group, pieces: Sequence[EndpointSlice], labels: Mapping[str, str], size: int) -> list[_Page]:
    waiting = dict(group.endpoints)
    pages: list[_Page] = []
    for piece in pieces:
        had = piece.endpoints or ()
        kept = [waiting.pop(each.addresses[0]) for each in had if each.addresses and each.addresses[0] in waiting]
        same = had == tuple(msgspec.convert(each, Endpoint) for each in kept) and piece.metadata.labels == labels
        pages.append(_Page(piece, kept, not same))
    for page in sorted(pages, key=lambda each: not each.changed):
        taken = list(waiting)[: size - len(page.endpoints)]
        page.endpoints += [waiting.pop(address) for address in taken]
        page.changed |= bool(taken)
    rest = list(waiting.values())
    pages += [_Page(None, rest[at : at + size], changed=True) for at in range(0, len(rest), size)]
    return pages or [_Page(None, [], changed=True)]


def _written(page: _Page, group: Group, template: Manifest) -> list[Write]:
    body: Manifest = {"endpoints": page.endpoints or None, "ports": group.ports or None}
    if page.piece is None:
        return [Create(ENDPOINT_SLICES, {**template, **body})]
    key, uid = page.piece.key, page.piece.metadata.uid
    if not page.changed:
        return []
    labels: Mapping[str, str] = template["metadata"]["labels"]
    if page.piece.metadata.labels != labels:
        body["metadata"] = {"labels": {**dict.fromkeys(page.piece.metadata.labels), **labels}}
    return [Patch(ENDPOINT_SLICES, key, uid, body)]
