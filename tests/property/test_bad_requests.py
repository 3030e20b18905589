"""Whatever bytes come, the twin's application answers: never a defect of its own, never without end."""

import asyncio
import json
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubewright.client.transport import Request
from kubewright.clock import Clock, run_virtual
from kubewright.twin.access.users import ADMIN
from kubewright.twin.asgi import AsgiApp
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer
from tests.unit.twin.server.calls import CRDS, DEPLOYMENTS, MAPS, PODS, SERVICES, THINGS, thing_crd

TOKEN = "t"
AUTHORIZED = {"authorization": f"Bearer {TOKEN}"}
OF_THE_API_SERVER = {500, 501, 504}
"""Codes above 499 that a real server gives, too, or that say what is not modelled: they come with their own words."""
MEDIA = (
    "application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "application/json-patch+json",
    "application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml",
    "text/plain", "", "nonsense;;=",
)  # fmt: skip
PARAMETERS = (
    "labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "resourceVersionMatch", "watch",
    "timeoutSeconds", "sendInitialEvents", "allowWatchBookmarks", "dryRun", "fieldManager", "fieldValidation", "force",
    "propagationPolicy", "gracePeriodSeconds", "orphanDependents", "pretty", "includeObject", "tailLines", "container",
)  # fmt: skip
FIELDS = (
    "apiVersion", "kind", "metadata", "name", "namespace", "labels", "annotations", "finalizers", "ownerReferences",
    "managedFields", "resourceVersion", "uid", "generation", "spec", "status", "data", "template", "containers",
    "selector", "replicas", "ports", "versions", "schema", "openAPIV3Schema", "properties", "x-kubernetes-validations",
    "rule", "names", "group", "scope", "$patch", "op", "path", "value", "from", "preconditions", "target", "items",
)  # fmt: skip
known = ("", "a", "default", "v1", "ConfigMap", "../..", "\0", "é", "1e999", "x" * 300)
texts = st.one_of(st.sampled_from(known), st.text(max_size=30))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-5, 5), st.floats(allow_nan=False, allow_infinity=False), texts
)
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(st.sampled_from(FIELDS), texts), inner, max_size=6)
    ),
    max_leaves=25,
)
bodies = st.one_of(
    documents.map(lambda document: json.dumps(document).encode()),
    st.binary(max_size=200),
    st.binary(max_size=200).map(lambda data: b"k8s\0" + data),
    st.text(max_size=200).map(str.encode),
    st.sampled_from([b"[" * 50_000, b'{"a":' * 50_000, b"- " * 5_000, b"a: &a [*a]", b"&a [*b]", b"{" * 3_000]),
)
PATHS = (
    MAPS, f"{MAPS}/a", PODS, f"{PODS}/a/log", f"{PODS}/a/eviction", f"{PODS}/a/binding", f"{PODS}/a/exec", SERVICES,
    DEPLOYMENTS, f"{DEPLOYMENTS}/a", f"{DEPLOYMENTS}/a/scale", f"{DEPLOYMENTS}/a/status", CRDS, f"{CRDS}/a",
    THINGS, f"{THINGS}/a", f"{THINGS}/a/status", "/api/v1/namespaces", "/api/v1/namespaces/x/finalize",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "/apis/authentication.k8s.io/v1/tokenreviews",
    "/api/v1/namespaces/default/serviceaccounts/a/token", "/openapi/v2", "/openapi/v3", "/apis", "/api/v1",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
)  # fmt: skip
paths = st.one_of(st.sampled_from(PATHS), st.sampled_from(PATHS), st.text(max_size=40).map(lambda text: f"/{text}"))
queries = st.lists(st.tuples(st.sampled_from(PARAMETERS), texts), max_size=3)
headers = st.dictionaries(
    st.sampled_from(["accept", "impersonate-user", "impersonate-group", "user-agent", "accept-encoding", "audit-id"]),
    st.one_of(st.sampled_from([*MEDIA, "*/*", "application/json;as=Table;v=v1;g=meta.k8s.io"]), texts),
    max_size=2,
)


@pytest.fixture(scope="module")
def send():
    """Send one request to an application that lives as long as the module, and give the code and the body."""
    server = ApiServer(Clock.virtual(), KindTable.builtin())
    server.tokens.accept(TOKEN, ADMIN)
    app = AsgiApp(server)

    async def ask(method, path, query, headers, body):
        sent = []
        pieces = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive():
            found = next(pieces, None)
            if found is None:
                await asyncio.sleep(5)
            return found or {"type": "http.disconnect"}

        async def answer(message):
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()],
        }
        await app(scope, receive, answer)
        return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:])

    def send(*arguments):
        return run_virtual(ask(*arguments))

    for path, document in (
        ("/api/v1/namespaces", {"metadata": {"name": "default"}}),
        (CRDS, thing_crd()),
        (MAPS, {"metadata": {"name": "a"}, "data": {"k": "1"}}),
    ):
        code, body = send("POST", path, b"", AUTHORIZED, json.dumps(document).encode())
        assert code == 201, body
    return send


@settings(max_examples=200)
@given(
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]),
    paths,
    queries,
    st.sampled_from(MEDIA),
    headers,
    bodies,
)
def test_any_request_is_answered_by_what_was_meant(send, method, path, query, media, headers, body):
    text = urlencode(query).encode()
    code, answer = send(method, path, text, {**headers, **AUTHORIZED, "content-type": media}, body)
    assert code < 500 or code in OF_THE_API_SERVER, answer
    assert b"see the server's log" not in answer
    if code >= 400 and answer.startswith(b"{"):
        status = json.loads(answer)
        assert (status["kind"], status["code"]) == ("Status", code)


def test_thousands_of_parameters_are_read(send):
    query = "&".join(f"p{number}={number}" for number in range(20_000)).encode()
    assert send("GET", MAPS, query + b"&limit=1", AUTHORIZED, b"")[0] == 200


@pytest.mark.parametrize("levels", [30, 3000])
def test_yaml_that_grows_without_end_is_refused(send, levels):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    code, answer = send(
        "POST", MAPS, b"", {**AUTHORIZED, "content-type": "application/yaml"}, "\n".join(lines).encode()
    )
    assert code == 400
    assert json.loads(answer)["message"].endswith("document contains excessive aliasing")


def test_yaml_that_contains_itself_is_refused(send):
    yaml = b"metadata: {name: x}\ndata: &d {k: *d}\n"
    assert send("POST", MAPS, b"", {**AUTHORIZED, "content-type": "application/yaml"}, yaml)[0] == 400


def test_ten_thousand_watches_hold_no_more_than_their_place(send):
    server = ApiServer(Clock.virtual(), KindTable.builtin())

    async def follow():
        made = {"metadata": {"name": "default"}}
        await server.handle(Request("POST", "/api/v1/namespaces", {}, {}, json.dumps(made).encode()))
        streams = [(await server.handle(Request("GET", MAPS, {"watch": "1"}))).stream for _ in range(10_000)]
        await server.handle(Request("POST", MAPS, {}, {}, b'{"metadata":{"name":"a"}}'))
        lines = [await anext(stream) for stream in streams]
        assert len({id(line) for line in lines}) == 1
        for stream in streams:
            await stream.aclose()

    run_virtual(follow())
