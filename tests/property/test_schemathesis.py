"""schemathesis makes requests of what the twin says of itself: its OpenAPI documents, group by group.

One for each operation, the same in each run; what the documents do not allow takes it long to make, so of one group
alone. KUBEWRIGHT_SCHEMATHESIS asks for more: so many for each operation, of all groups in both ways.
"""

import asyncio
import contextlib
import json
import os
from urllib.parse import urlencode, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from kubewright.client.transport import Request
from kubewright.clock import Clock, run_virtual
from kubewright.twin.access.users import ADMIN
from kubewright.twin.asgi import AsgiApp
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer

EXAMPLES = int(os.environ.get("KUBEWRIGHT_SCHEMATHESIS", "0"))
GROUPS = ("api/v1", "apis/apps/v1", "apis/batch/v1", "apis/networking.k8s.io/v1", "apis/rbac.authorization.k8s.io/v1")
QUICK = "apis/batch/v1"
ASKED = [(group, mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) for group in GROUPS]
TOKEN = "t"
WATCH = {"watch": "1", "timeoutSeconds": "1"}
LATEST_SECONDS = 120
"""Virtual ones: no request waits that long but one without an end."""


@pytest.fixture
def server():
    server = ApiServer(Clock.virtual(), KindTable.builtin())
    server.tokens.accept(TOKEN, ADMIN)
    return server


def ask(server, method, path, query, headers, body):
    """Send one request to the server's application; give the code and the body."""
    sent = []
    pieces = iter([{"type": "http.request", "body": body}])

    async def receive():
        piece = next(pieces, None)
        return piece or await asyncio.get_running_loop().create_future()

    async def send(message):
        sent.append(message)

    async def main():
        async with asyncio.timeout(LATEST_SECONDS):
            await AsgiApp(server)(scope, receive, send)
        return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:])

    encoded = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query}
    scope["headers"] = [*encoded, (b"authorization", f"Bearer {TOKEN}".encode())]
    return run_virtual(main())


def send_case(server, case):
    """Send what schemathesis made, a list as a watch, too, and give the answers."""
    sent = case.as_transport_kwargs("http://twin")
    parts = urlsplit(sent["url"])
    query = urlencode(sent.get("params") or {}, doseq=True)
    body = sent.get("data", b"")
    if "json" in sent:
        body = json.dumps(sent["json"])
    body = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else json.dumps(body).encode()
    listed = case.operation.definition.raw.get("x-kubernetes-action") == "list"
    for more in ({}, WATCH) if listed else ({},):
        asked = "&".join(filter(None, (query, urlencode(more)))).encode()
        yield ask(server, case.method, parts.path, asked, dict(sent["headers"]), body)


@pytest.mark.parametrize(
    ("group", "mode"),
    [each for each in ASKED if EXAMPLES or each[1] is GenerationMode.POSITIVE or each[0] == QUICK],
    ids=lambda value: getattr(value, "value", value),
)
def test_what_the_openapi_document_allows_and_what_it_does_not_is_answered(server, group, mode):
    document = json.loads(run_virtual(server.handle(Request("GET", f"/openapi/v3/{group}"))).body)
    made = json.dumps({"metadata": {"name": "default"}}).encode()
    assert ask(server, "POST", "/api/v1/namespaces", b"", {"content-type": "application/json"}, made)[0] == 201
    seen = []
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = found.ok()

        @settings(max_examples=EXAMPLES or 1, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy(mode))
        def answered(case):
            for code, body in send_case(server, case):
                seen.append(code)
                assert code < 500, (case, body)
                if code >= 400:
                    status = json.loads(body)
                    assert (status["kind"], status["code"]) == ("Status", code)

        with contextlib.suppress(Unsatisfiable):  # there are operations of which nothing wrong can be made
            answered()
    assert seen
