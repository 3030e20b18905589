"""get, list and watch."""

from __future__ import annotations

from kubewright.client.transport import Response
from kubewright.twin import status
from kubewright.twin.answers import many, one
from kubewright.twin.call import Call
from kubewright.twin.listing import page
from kubewright.twin.options import ListOptions, list_options, version_number
from kubewright.twin.selection import select
from kubewright.twin.watch import WatchPlan, WatchStream

_WATCH_SECONDS = 1800
_STREAM_HEADERS = {"content-type": "application/json", "cache-control": "no-cache, private"}


def get(call: Call) -> Response:
    """Read one object."""
    asked = _cached_version(call.query.get("resourceVersion", ""))
    if asked > call.registry.store.revision:
        raise status.too_large_version(asked, call.registry.store.revision)
    return one(call.kind, call.registry.read(call.target), call.view(), call.now())


def list_or_watch(call: Call) -> Response:
    """Read all objects, or follow them."""
    options = list_options(call.query)
    if options.watch:
        return watch(call, options)
    selection = select(call.kind, options)
    return many(call.kind, page(call.registry, call.target, options, selection), call.view(), call.now())


def watch(call: Call, options: ListOptions) -> Response:
    """Follow the objects that are selected, from a version on or from what is there."""
    selection = select(call.kind, options)
    asked = _cached_version(options.resource_version)
    revision = call.registry.store.revision
    if options.send_initial_events and asked > revision:
        raise status.too_large_version(asked, revision)
    timeout = options.timeout_seconds or _WATCH_SECONDS * (1 + call.registry.random.random())
    plan = WatchPlan(call.kind, call.namespace, selection, call.view(), options.bookmarks, timeout)
    stream = WatchStream(call.services.hub, call.target.bucket, plan)
    initial = options.send_initial_events
    if initial or (initial is None and not asked):
        records, revision = call.registry.store.list(call.target.bucket, call.namespace)
        stream.start_with(records, revision, say_when_done=bool(initial) and options.bookmarks)
    elif asked:
        stream.start_after(asked)
    return Response(200, _STREAM_HEADERS, stream=stream)


def _cached_version(text: str) -> int:
    """Read the version to get or watch from; what is no number is answered as the watch cache does, not as a list."""
    try:
        return version_number(text)
    except status.StatusError as error:
        raise status.StatusError(500, "", error.message.removeprefix("invalid resource version: ")) from error
