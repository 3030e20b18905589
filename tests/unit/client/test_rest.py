"""RestClient against a scripted server: what is asked, and what becomes of the answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kubewright.api.meta import KubeObject, ObjectKey, ObjectMeta, Resource
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.protocol import EventType, PatchType, Undecodable
from kubewright.client.rest import RestClient
from kubewright.client.transport import Response
from kubewright.clock import run_virtual
from kubewright.errors import Cause, ErrorKind, OpError

from .conftest import Scripted, answer, chunks

PODS = Resource("", "v1", "pods", "Pod", KubeObject)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment", KubeObject)
NODES = Resource("", "v1", "nodes", "Node", KubeObject, namespaced=False)
KEY = ObjectKey("shop", "web")
POD = {"metadata": {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7"}}
READ = KubeObject(metadata=ObjectMeta(name="web", namespace="shop", uid="u1", resource_version="7"))

Call = Callable[[RestClient], Awaitable[Any]]


def client_of(server: Scripted) -> RestClient:
    return RestClient(InProcessTransport(server), user_agent="test")


def run(server: Scripted, call: Call) -> Any:
    async def main() -> Any:
        return await call(client_of(server))

    return run_virtual(main())


CALLS: list[tuple[str, Call, str, str, dict[str, str], Any, str]] = [
    ("a get reads one object", lambda c: c.get(PODS, KEY), "GET", "/api/v1/namespaces/shop/pods/web", {}, None, ""),
    (
        "a cluster-scoped object has no namespace in its path",
        lambda c: c.get(NODES, ObjectKey("", "n1")),
        "GET",
        "/api/v1/nodes/n1",
        {},
        None,
        "",
    ),
    (
        "a subresource is the last part of the path",
        lambda c: c.get(DEPLOYMENTS, KEY, subresource="scale"),
        "GET",
        "/apis/apps/v1/namespaces/shop/deployments/web/scale",
        {},
        None,
        "",
    ),
    (
        "a create posts to the collection, with kind and version filled in",
        lambda c: c.create(PODS, {"metadata": {"name": "web", "namespace": "shop"}}, field_manager="m", dry_run=True),
        "POST",
        "/api/v1/namespaces/shop/pods",
        {"fieldManager": "m", "dryRun": "All"},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}},
        "application/json",
    ),
    (
        "a create of a subresource posts its own kind to the object",
        lambda c: c.create(PODS, {"kind": "Eviction"}, namespace="shop", name="web", subresource="eviction"),
        "POST",
        "/api/v1/namespaces/shop/pods/web/eviction",
        {},
        {"kind": "Eviction"},
        "application/json",
    ),
    (
        "an update replaces the object",
        lambda c: c.update(PODS, POD, subresource="status"),
        "PUT",
        "/api/v1/namespaces/shop/pods/web/status",
        {},
        {"apiVersion": "v1", "kind": "Pod", **POD},
        "application/json",
    ),
    (
        "an apply is a patch of its own type and forces by default",
        lambda c: c.apply(PODS, POD, field_manager="m"),
        "PATCH",
        "/api/v1/namespaces/shop/pods/web",
        {"fieldManager": "m", "force": "true"},
        {"apiVersion": "v1", "kind": "Pod", **POD},
        "application/apply-patch+yaml",
    ),
    (
        "an apply may leave conflicts to the server",
        lambda c: c.apply(PODS, POD, field_manager="m", force=False),
        "PATCH",
        "/api/v1/namespaces/shop/pods/web",
        {"fieldManager": "m", "force": "false"},
        {"apiVersion": "v1", "kind": "Pod", **POD},
        "application/apply-patch+yaml",
    ),
    (
        "a patch goes as it is, under its media type",
        lambda c: c.patch(PODS, KEY, [{"op": "remove", "path": "/a"}], PatchType.JSON),
        "PATCH",
        "/api/v1/namespaces/shop/pods/web",
        {},
        [{"op": "remove", "path": "/a"}],
        "application/json-patch+json",
    ),
    (
        "the delete of an object that was read names its uid and not its version",
        lambda c: c.delete(PODS, READ, propagation="Foreground", grace_period_seconds=0),
        "DELETE",
        "/api/v1/namespaces/shop/pods/web",
        {},
        {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": "u1"},
            "propagationPolicy": "Foreground",
            "gracePeriodSeconds": 0,
        },
        "application/json",
    ),
    (
        "a delete by key has no precondition",
        lambda c: c.delete(PODS, KEY, dry_run=True),
        "DELETE",
        "/api/v1/namespaces/shop/pods/web",
        {},
        {"apiVersion": "v1", "kind": "DeleteOptions", "dryRun": ["All"]},
        "application/json",
    ),
]


@pytest.mark.parametrize(
    ("call", "method", "path", "query", "body", "media_type"), [c[1:] for c in CALLS], ids=[c[0] for c in CALLS]
)
def test_request(call: Call, method: str, path: str, query: dict[str, str], body: Any, media_type: str) -> None:
    server = Scripted([answer(POD)])
    run(server, call)
    (request,) = server.requests
    assert (request.method, request.path, dict(request.query)) == (method, path, query)
    assert (json.loads(request.body) if request.body else None) == body
    assert request.headers.get("content-type", "") == media_type
    assert request.headers["user-agent"] == "test"


def test_field_validation_goes_with_every_write() -> None:
    server = Scripted([answer(POD)])
    client = RestClient(InProcessTransport(server), field_validation="Strict")
    run_virtual(client.patch(PODS, KEY, {}))  # type: ignore[arg-type]
    assert server.requests[0].query == {"fieldValidation": "Strict"}


def test_get_decodes_into_the_struct() -> None:
    assert run(Scripted([answer(POD)]), lambda c: c.get(PODS, KEY)) == READ


def test_an_object_that_does_not_decode_is_invalid_and_named() -> None:
    with pytest.raises(OpError, match=r"client.get Pod/shop/web: invalid: .*metadata.name") as caught:
        run(Scripted([answer({"metadata": {"name": 1}})]), lambda c: c.get(PODS, KEY))
    assert caught.value.kind is ErrorKind.INVALID


REFUSALS = [
    ("a missing object is not found", 404, "NotFound", ErrorKind.NOT_FOUND),
    ("a taken name already exists", 409, "AlreadyExists", ErrorKind.ALREADY_EXISTS),
    ("a stale version is a conflict", 409, "Conflict", ErrorKind.CONFLICT),
    ("an old version is expired", 410, "Expired", ErrorKind.EXPIRED),
    ("an old version may be gone", 410, "Gone", ErrorKind.EXPIRED),
    ("a refused object is invalid", 422, "Invalid", ErrorKind.INVALID),
    ("a bad request is invalid", 400, "BadRequest", ErrorKind.INVALID),
    ("a missing right is forbidden", 403, "Forbidden", ErrorKind.FORBIDDEN),
    ("a full server is exhausted", 429, "TooManyRequests", ErrorKind.EXHAUSTED),
    ("a server's timeout is a timeout", 504, "Timeout", ErrorKind.TIMEOUT),
    ("a server's fault is unavailable", 500, "InternalError", ErrorKind.UNAVAILABLE),
    ("without a reason the code decides", 409, "", ErrorKind.CONFLICT),
    ("an unknown server code is unavailable", 599, "", ErrorKind.UNAVAILABLE),
    ("an unknown client code is invalid", 418, "", ErrorKind.INVALID),
]


@pytest.mark.parametrize(("code", "reason", "kind"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_refusal(code: int, reason: str, kind: ErrorKind) -> None:
    status = {"kind": "Status", "code": code, "reason": reason, "message": "because"}
    with pytest.raises(OpError, match=r"client\.get Pod/shop/web: .*: because") as caught:
        run(Scripted([answer(status, code)]), lambda c: c.get(PODS, KEY))
    assert caught.value.kind is kind


def test_causes_are_kept() -> None:
    details = {"causes": [{"field": "spec.replicas", "reason": "FieldValueInvalid", "message": "no"}]}
    status = {"kind": "Status", "code": 422, "reason": "Invalid", "message": "x", "details": details}
    with pytest.raises(OpError) as caught:
        run(Scripted([answer(status, 422)]), lambda c: c.get(PODS, KEY))
    assert caught.value.causes == (Cause("spec.replicas", "FieldValueInvalid", "no"),)


def test_an_answer_that_is_no_status_is_quoted_on_one_line() -> None:
    with pytest.raises(OpError, match=r"unavailable: HTTP 502: <h1> Bad gateway </h1>$"):
        run(Scripted([Response(502, {}, b"<h1>\nBad gateway\n</h1>")]), lambda c: c.get(PODS, KEY))


def test_a_redirect_is_an_error() -> None:
    with pytest.raises(OpError, match="HTTP 302"):
        run(Scripted([Response(302, {"location": "/elsewhere"})]), lambda c: c.get(PODS, KEY))


BUSY = {"kind": "Status", "code": 429, "reason": "TooManyRequests", "message": "busy"}


def test_a_busy_server_is_asked_again_after_the_time_it_names() -> None:
    server = Scripted([answer(BUSY, 429, retry_after="3"), answer(BUSY, 503, retry_after="2"), answer(POD)])

    async def main() -> float:
        await client_of(server).get(PODS, KEY)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == pytest.approx(5)


GIVEN_UP = [
    ("when the server names no time", [answer(BUSY, 429)], 1),
    ("when the time is longer than a call may wait", [answer(BUSY, 429, retry_after="60")], 1),
    ("after a few times", [answer(BUSY, 429, retry_after="1")] * 9, 5),
    (
        "when a disruption budget says no",
        [answer({**BUSY, "details": {"causes": [{"reason": "DisruptionBudget"}]}}, 429, retry_after="1")],
        1,
    ),
]


@pytest.mark.parametrize(("answers", "asked"), [g[1:] for g in GIVEN_UP], ids=[g[0] for g in GIVEN_UP])
def test_a_busy_server_is_given_up(answers: list[Response], asked: int) -> None:
    server = Scripted(list(answers))
    with pytest.raises(OpError) as caught:
        run(server, lambda c: c.get(PODS, KEY))
    assert caught.value.kind is ErrorKind.EXHAUSTED
    assert len(server.requests) == asked


def page(*names: str, version: str = "9", token: str = "") -> Response:
    items = [{"metadata": {"name": name}} for name in names]
    return answer({"metadata": {"resourceVersion": version, "continue": token}, "items": items})


def names_of(listing: Any) -> list[str]:
    return [item.metadata.name for item in listing.items]


def test_a_list_reads_all_pages_with_the_selectors_on_each() -> None:
    server = Scripted([page("a", "b", token="t1"), page("c")])
    listing = run(server, lambda c: c.list(PODS, namespace="shop", label_selector="x=y", page_size=2))
    assert names_of(listing) == ["a", "b", "c"]
    assert listing.resource_version == "9"
    assert [request.query for request in server.requests] == [
        {"labelSelector": "x=y", "limit": "2"},
        {"labelSelector": "x=y", "limit": "2", "continue": "t1"},
    ]


def test_a_list_from_the_cache_names_its_version_on_the_first_page_only() -> None:
    server = Scripted([page("a", token="t1"), page("b")])
    run(server, lambda c: c.list(PODS, resource_version="0"))
    assert server.requests[0].query == {"limit": "500", "resourceVersion": "0", "resourceVersionMatch": "NotOlderThan"}
    assert server.requests[1].query == {"limit": "500", "continue": "t1"}


EXPIRED = answer({"kind": "Status", "code": 410, "reason": "Expired", "message": "old"}, 410)


def test_an_expired_page_token_starts_over_without_pages() -> None:
    server = Scripted([page("a", token="t1"), EXPIRED, page("b", "c", version="12")])
    listing = run(server, lambda c: c.list(PODS))
    assert names_of(listing) == ["b", "c"]
    assert listing.resource_version == "12"
    assert server.requests[2].query == {}


def test_an_expired_version_of_a_first_page_is_the_callers_matter() -> None:
    with pytest.raises(OpError) as caught:
        run(Scripted([EXPIRED]), lambda c: c.list(PODS, resource_version="3"))
    assert caught.value.kind is ErrorKind.EXPIRED


def test_an_empty_list_may_be_null() -> None:
    assert names_of(run(Scripted([answer({"metadata": {}, "items": None})]), lambda c: c.list(PODS))) == []


def test_an_object_of_a_list_that_does_not_decode_is_reported_and_the_rest_survives() -> None:
    bad = {"metadata": {"name": "bad", "namespace": "shop", "generation": "many"}}
    listing = run(Scripted([answer({"metadata": {}, "items": [POD, bad, POD]})]), lambda c: c.list(PODS))
    assert names_of(listing) == ["web", "web"]
    (reported,) = listing.undecodable
    assert isinstance(reported, Undecodable)
    assert reported.key == ObjectKey("shop", "bad")
    assert "generation" in reported.error


def line(type_: str, document: Any) -> bytes:
    return json.dumps({"type": type_, "object": document}).encode() + b"\n"


def watched(server: Scripted, **options: Any) -> list[Any]:
    async def main() -> list[Any]:
        return [event async for event in client_of(server).watch(PODS, **options)]

    return run_virtual(main())


def test_a_watch_asks_for_bookmarks_and_follows_from_its_version() -> None:
    server = Scripted([chunks()])
    assert watched(server, namespace="shop", resource_version="5", field_selector="a=b", timeout_seconds=9.5) == []
    assert server.requests[0].path == "/api/v1/namespaces/shop/pods"
    assert server.requests[0].query == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "5",
        "fieldSelector": "a=b",
        "timeoutSeconds": "9",
    }


def test_a_watch_may_begin_with_all_objects() -> None:
    server = Scripted([chunks()])
    watched(server, send_initial_events=True)
    assert server.requests[0].query["sendInitialEvents"] == "true"
    assert server.requests[0].query["resourceVersionMatch"] == "NotOlderThan"


def test_a_watch_gives_typed_events_wherever_the_chunks_end() -> None:
    text = line("ADDED", POD) + line("MODIFIED", POD) + line("DELETED", POD)
    for size in (1, 7, 64, len(text)):
        events = watched(Scripted([chunks(*(text[i : i + size] for i in range(0, len(text), size)))]))
        assert [event.type for event in events] == [EventType.ADDED, EventType.MODIFIED, EventType.DELETED]
        assert all(event.obj == READ and event.key == KEY and event.resource_version == "7" for event in events)


def test_bookmarks_carry_the_version_and_the_end_of_the_initial_events() -> None:
    end = {"metadata": {"resourceVersion": "8", "annotations": {"k8s.io/initial-events-end": "true"}}}
    plain = {"metadata": {"resourceVersion": "9", "creationTimestamp": None}}
    events = watched(Scripted([chunks(line("BOOKMARK", end), line("BOOKMARK", plain))]))
    assert [(e.type, e.obj, e.resource_version, e.initial_done) for e in events] == [
        (EventType.BOOKMARK, None, "8", True),
        (EventType.BOOKMARK, None, "9", False),
    ]


def test_an_object_that_does_not_decode_is_an_event_and_the_watch_goes_on() -> None:
    bad = {"metadata": {"name": "bad", "namespace": "shop", "resourceVersion": "8", "labels": ["x"]}}
    first, second = watched(Scripted([chunks(line("MODIFIED", bad), line("ADDED", POD))]))
    assert (first.type, first.obj, first.key) == (EventType.UNDECODABLE, None, ObjectKey("shop", "bad"))
    assert first.resource_version == "8"
    assert "labels" in first.error
    assert second.obj == READ


def test_an_event_of_a_type_to_come_is_passed_over() -> None:
    assert [e.type for e in watched(Scripted([chunks(line("NEWS", POD), line("ADDED", POD))]))] == [EventType.ADDED]


ERRORS = [
    ("an old version is expired", {"kind": "Status", "code": 410, "message": "too old"}, ErrorKind.EXPIRED),
    ("another status is its own kind", {"kind": "Status", "code": 500, "reason": "Timeout"}, ErrorKind.TIMEOUT),
    ("a status that does not decode is the server's fault", {"code": "many"}, ErrorKind.UNAVAILABLE),
]


@pytest.mark.parametrize(("status", "kind"), [e[1:] for e in ERRORS], ids=[e[0] for e in ERRORS])
def test_an_error_event_ends_the_watch(status: Any, kind: ErrorKind) -> None:
    with pytest.raises(OpError, match=r"client.watch Pod/\*") as caught:
        watched(Scripted([chunks(line("ADDED", POD), line("ERROR", status))]))
    assert caught.value.kind is kind


def test_a_watch_that_breaks_off_in_a_line_is_unavailable() -> None:
    with pytest.raises(OpError) as caught:
        watched(Scripted([chunks(line("ADDED", POD)[:-9])]))
    assert caught.value.kind is ErrorKind.UNAVAILABLE


def test_leaving_a_watch_closes_its_stream() -> None:
    closed: list[bool] = []

    async def stream() -> Any:
        try:
            while True:
                yield line("ADDED", POD)
        finally:
            closed.append(True)

    async def main() -> None:
        events = client_of(Scripted([Response(200, {}, stream=stream())])).watch(PODS)
        await anext(events)
        await events.aclose()  # type: ignore[attr-defined]

    run_virtual(main())
    assert closed == [True]


RAW = [
    ("JSON is decoded", Response(200, {"content-type": "application/json"}, b'{"major":"1"}'), {"major": "1"}),
    ("text stays text", Response(200, {"content-type": "text/plain"}, b"ok"), "ok"),
    ("a log that looks like JSON stays text", Response(200, {"content-type": "text/plain"}, b"42"), "42"),
]


@pytest.mark.parametrize(("response", "expected"), [r[1:] for r in RAW], ids=[r[0] for r in RAW])
def test_raw(response: Response, expected: Any) -> None:
    server = Scripted([response])
    assert run(server, lambda c: c.raw("GET", "/version", query={"a": "b"})) == expected
    assert (server.requests[0].path, server.requests[0].query) == ("/version", {"a": "b"})
